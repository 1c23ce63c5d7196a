import type { Answer, Lab } from "../helpers/lab.ts";
import { parseAnswer } from "../helpers/lab.ts";
import { steadyNetwork } from "./network.ts";
import { NAMESPACES, PORTS, type Sequence } from "./operations.ts";
import type { ModelKernel } from "./ports.ts";
import { nextStep, type Step } from "./steps.ts";
import { World } from "./world.ts";

/** Ports that are free for sequences: those below the usual range of ephemeral ports. */
const FIRST_PORT = 2000;
const LAST_PORT = 32_000;

export interface Tally {
  operations: number;
  /** Binds and listens for which the kernel was asked for a port, how many it refused, and how many passed though an owner conflicts. */
  asked: number;
  refused: number;
  spared: { cache: number; group: number };
}

export const emptyTally = (): Tally => ({ operations: 0, asked: 0, refused: 0, spared: { cache: 0, group: 0 } });

/** The kernel did what the model does not say. `script` shows it, as input of the lab. */
export class Mismatch extends Error {
  readonly script: string;

  constructor(message: string, script: readonly string[]) {
    super(message);
    this.script = `${script.join("\n")}\n`;
  }
}

/** Carries random sequences out on the running kernel, and compares each answer with what the model says before. */
export class Oracle {
  readonly #lab: Lab;
  readonly #kernel: ModelKernel;
  readonly tally = emptyTally();
  #base = LAST_PORT;

  constructor(lab: Lab, kernel: ModelKernel) {
    this.#lab = lab;
    this.#kernel = kernel;
  }

  /** @throws Mismatch with the lab's script that shows it */
  async run({ setting, operations }: Sequence): Promise<void> {
    await this.#freshPorts();
    const world = new World(this.#kernel, setting, this.#base);
    const script = [...NETWORK, "reset", ...world.preparation()];
    await this.#say(script.slice(NETWORK.length));
    for (const operation of operations) {
      const step = nextStep(world, operation);
      if (!step) continue;
      const before = world.describe();
      const { lines, compared } = linesOf(step);
      const answers = (await this.#lab.run(lines)).map(parseAnswer);
      const answer = answers[compared] as Answer;
      script.push(...lines);
      this.#count(step, answer);
      const odd = answers.findIndex(({ ok }, index) => index !== compared && !ok);
      const wrong = odd === -1 ? contradiction(step, answer) : `${lines[odd]}: ${answers[odd]?.errno ?? answers[odd]?.problem}`;
      if (wrong) throw new Mismatch([wrong, ...before].join("\n"), script);
      step.effect({ address: answer.fields.address ?? "", port: answer.ok ? Number(answer.fields.port ?? 0) : 0 });
      await this.#settle(world, script);
    }
  }

  /** Ports that no earlier sequence has used in this namespace, so that nothing of it is left there. */
  async #freshPorts(): Promise<void> {
    this.#base += PORTS;
    if (this.#base + PORTS <= LAST_PORT) return;
    this.#base = FIRST_PORT;
    await this.#say(["reset network", ...NETWORK]);
  }

  async #settle(world: World, script: string[]): Promise<void> {
    const lines = world.tcp.settling().flatMap(({ netns, line }) => visiting(netns, [line]));
    script.push(...lines);
    if (lines.length > 0) await this.#say(lines, script);
  }

  async #say(lines: string[], script = lines): Promise<void> {
    const answers = await this.#lab.run(lines);
    const bad = answers.findIndex((answer) => !parseAnswer(answer).ok);
    if (bad !== -1) throw new Mismatch(`${lines[bad]}: ${answers[bad]}`, script);
  }

  #count(step: Step, { ok }: Answer): void {
    const { tally } = this;
    const { asked, spared } = step;
    tally.operations += 1 + step.more.length;
    if (!asked) return;
    tally.asked++;
    if (!ok) tally.refused++;
    if (spared) tally.spared[spared]++;
  }
}

/** Two namespaces as the sequences want them. */
const NETWORK = NAMESPACES.flatMap((netns) => [
  `netns ${netns}`,
  "ip link add v0 type veth peer name v1",
  "ip link set v0 up",
  "ip addr add fd00::2/128 dev lo nodad",
  ...steadyNetwork(["::1", "fd00::2"]),
]);

/** What is said in this namespace, by one who is in the first before and after. */
const visiting = (netns: string, lines: string[]): string[] =>
  netns === NAMESPACES[0] ? lines : [`netns ${netns}`, ...lines, `netns ${NAMESPACES[0]}`];

/** What is said for a step, and which of its answers is compared: the others have to be ok. */
function linesOf({ by, netns = NAMESPACES[0], line, more }: Step): { lines: string[]; compared: number } {
  const lines = visiting(netns, [line, ...more]);
  return { lines: by === "main" ? lines : lines.map((each) => `${by}: ${each}`), compared: lines.indexOf(line) };
}

/** What the answer contradicts, null when it is as the model says. */
function contradiction({ line, errno, ports, spared }: Step, { ok, errno: said, problem, fields }: Answer): string | null {
  const answered = ok ? "ok" : (said ?? problem);
  if (answered !== (errno ?? "ok")) return `${line}: ${answered}, but by the model ${errno ?? "ok"}${spared ? ` (${spared})` : ""}`;
  if (ok && ports && !ports.includes(Number(fields.port))) return `${line}: port ${fields.port}, but by the model one of ${ports}`;
  return null;
}
