import type { Lab } from "../helpers/lab.ts";
import { predictions } from "./pair-rule.ts";
import { networkScript, pairScript } from "./pair-script.ts";
import { type Binder, type Owner, type Pair, pairAt, pairCount, TABLES, type Table } from "./pairs.ts";
import type { Kernel } from "./running-kernel.ts";

/** Pairs that share a network: each has its own port there, so that nothing meets what another left in TIME_WAIT. */
const PAIRS_A_NETWORK = 512;
const FIRST_PORT = 1024;

/** What a kernel said to the pairs of a table: a bit for each, the lowest of a byte first, set where it was refused. */
export interface TableAnswers {
  name: string;
  pairs: number;
  refused: number;
  bits: Uint8Array;
}

export interface Mismatch {
  index: number;
  owner: Owner;
  binder: Binder;
  /** Whether it is refused. */
  predicted: boolean;
  answered: boolean;
  /** For `.cache/lab/sockets --netns`; its last line is the question. */
  script: string;
}

export interface PairResults {
  tables: { name: string; pairs: number; refused: number; mismatches: Mismatch[] }[];
}

export async function runPairs(lab: Pick<Lab, "run">, kernel: Kernel): Promise<PairResults> {
  return comparePairs(await askPairs(lab), kernel);
}

/** Asks the running kernel. */
export async function askPairs(lab: Pick<Lab, "run">): Promise<TableAnswers[]> {
  const answers: TableAnswers[] = [];
  for (const table of TABLES) answers.push(await askTable(lab, table));
  return answers;
}

/** Where these answers are not what the rule says of the kernel that gave them. */
export function comparePairs(answers: readonly TableAnswers[], kernel: Kernel): PairResults {
  const tables = answers.map(({ name, pairs, refused, bits }) => {
    const table = TABLES.find((each) => each.name === name);
    if (!table || pairs !== pairCount(table)) throw new Error(`the answers of ${name} are not to these pairs`);
    const mismatches: Mismatch[] = [];
    let index = 0;
    for (const { refused: predicted } of predictions(table, kernel)) {
      const answered = (((bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
      if (predicted !== answered) {
        const pair = pairAt(table, index);
        mismatches.push({ index, owner: pair.owner, binder: pair.binder, predicted, answered, script: replay(pair) });
      }
      index++;
    }
    return { name, pairs, refused, mismatches };
  });
  return { tables };
}

async function askTable(lab: Pick<Lab, "run">, table: Table): Promise<TableAnswers> {
  const pairs = Array.from({ length: pairCount(table) }, (_, index) => pairAt(table, index));
  const batches = pairs.flatMap(({ index }) => (index % PAIRS_A_NETWORK === 0 ? [pairs.slice(index, index + PAIRS_A_NETWORK)] : []));
  const refused = (await Promise.all(batches.map((batch) => refusedPairs(lab, table, batch)))).flat();
  const bits = new Uint8Array(Math.ceil(pairs.length / 8));
  for (const { index } of refused) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  return { name: table.name, pairs: pairs.length, refused: refused.length, bits };
}

/** @throws when anything but a question fails: then the pairs were not asked */
async function refusedPairs(lab: Pick<Lab, "run">, table: Table, pairs: readonly Pair[]): Promise<Pair[]> {
  const network = networkScript(table);
  const scripts = pairs.map(linesOf);
  const answers = await lab.run([...network, ...scripts.flatMap((lines) => [...lines, "reset"])]);
  const succeeded = (answer: string | undefined) => answer?.startsWith("ok") ?? false;
  const failed = answers.slice(0, network.length).findIndex((answer) => !succeeded(answer));
  if (failed >= 0) throw new Error(`${network[failed]}: ${answers[failed]}`);
  let next = network.length;
  return pairs.filter((pair, index) => {
    const length = scripts[index]?.length ?? 0;
    const said = answers.slice(next, next + length);
    next += length + 1;
    const question = said.pop();
    const wrong = succeeded(question) || question === "EADDRINUSE" ? said.find((answer) => !succeeded(answer)) : question;
    if (wrong !== undefined) throw new Error(`${wrong} in pair ${pair.index} of ${table.name}:\n${replay(pair)}`);
    return question === "EADDRINUSE";
  });
}

const linesOf = (pair: Pair) => pairScript(pair, FIRST_PORT + (pair.index % PAIRS_A_NETWORK));
const replay = (pair: Pair) => [...networkScript(pair.table), ...linesOf(pair)].join("\n");
