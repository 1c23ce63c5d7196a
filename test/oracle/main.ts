import { writeFileSync } from "node:fs";
import { LAB, openLab } from "../helpers/lab.ts";
import { runAdvice } from "./advice.ts";
import { modelKernel } from "./model-kernel.ts";
import { askPairs, comparePairs } from "./pair-answers.ts";
import { recordedText } from "./pair-fixture.ts";
import { runPlaces } from "./places.ts";
import { runRandom } from "./random.ts";
import { runningKernel } from "./running-kernel.ts";

const HELP = `usage: oracle [--operations N] [--seed N]
       oracle --pairs [--record FILE]
       oracle --advice [--failures N] [--seed N]

Holds the rule of src/core against the running kernel (root). Random sequences of socket operations: before each bind
and listen it says what the kernel will answer. With --pairs, the table of all pairs of an owner and a binder instead;
with --advice, random refusals, of which each piece of advice is carried out. Ends with 1 where the kernel does
otherwise, and says how to see it again.
`;
/** What shows the last mismatch, for the lab. */
const SCRIPT = ".cache/oracle/mismatch.txt";

function optionOf(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at === -1 ? undefined : process.argv[at + 1];
}

const say = (line: string) => process.stdout.write(`${line}\n`);

function show(script: string): number {
  writeFileSync(SCRIPT, script);
  say(`${script}\nto see it again: ${LAB} --netns < ${SCRIPT}`);
  return 1;
}

async function random(): Promise<number> {
  const seed = optionOf("--seed");
  const started = performance.now();
  const run = await runRandom(Number(optionOf("--operations") ?? 1_000_000), seed === undefined ? undefined : Number(seed));
  const { operations, asked, refused, spared } = run.tally;
  say(
    `kernel ${run.kernel}, seed ${run.seed}: ${operations} operations, ${asked} answers foretold, ${refused} refused, ` +
      `${spared.cache} passed by the bucket's memory, ${spared.group} by the order of UDP, ` +
      `${run.mismatch ? 1 : 0} mismatches, ${((performance.now() - started) / 1000).toFixed(0)} s`,
  );
  if (run.mismatch === null) return 0;
  say(run.mismatch.message);
  return show(run.mismatch.script);
}

async function advice(): Promise<number> {
  const kernel = modelKernel();
  const seed = Number(optionOf("--seed") ?? Date.now() % 2 ** 31);
  const lab = openLab({ netns: true });
  const run = await runAdvice(lab, kernel, { failures: Number(optionOf("--failures") ?? 2000), seed });
  await lab.close();
  for (const [code, outcomes] of Object.entries(run.outcomes)) {
    const counts = Object.entries(outcomes).map(([outcome, count]) => `${count} ${outcome}`);
    say(`kernel ${kernel.name}, ${code}: ${counts.join(", ")}`);
  }
  say(`kernel ${kernel.name}, seed ${seed}: ${run.failures} refusals, ${run.mismatches.length} mismatches`);
  const [first] = run.mismatches;
  if (!first) return 0;
  say(first.message);
  return show(first.script);
}

async function pairs(): Promise<number> {
  const kernel = runningKernel();
  const lab = openLab({ netns: true });
  const places = await runPlaces(lab, kernel);
  const answers = await askPairs(lab);
  await lab.close();
  const file = optionOf("--record");
  if (file !== undefined) writeFileSync(file, recordedText(kernel, answers));
  if (places === null) say(`kernel ${kernel.name}, places: this kernel has no VRFs`);
  else say(`kernel ${kernel.name}, places: ${places.pairs} pairs, ${places.refused} refused, ${places.mismatches.length} mismatches`);
  const { tables } = comparePairs(answers, kernel);
  for (const { name, pairs, refused, mismatches } of tables) {
    say(`kernel ${kernel.name}, ${name}: ${pairs} pairs, ${refused} refused, ${mismatches.length} mismatches`);
  }
  const scripts = [...(places?.mismatches ?? []), ...tables.flatMap(({ mismatches }) => mismatches.map(({ script }) => script))];
  return scripts[0] === undefined ? 0 : show(`${scripts[0]}\n`);
}

if (process.argv.includes("--help")) process.stdout.write(HELP);
else if (process.argv.includes("--pairs")) process.exitCode = await pairs();
else process.exitCode = process.argv.includes("--advice") ? await advice() : await random();
