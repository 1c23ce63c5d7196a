import fc from "fast-check";
import { type Advice, type AdviceCode, adviseOn } from "../../src/core/advice.ts";
import type { Lab } from "../helpers/lab.ts";
import { nothing, type Play, play, type Question, type Standing } from "./advice-play.ts";
import { type Situation, situation } from "./advice-situations.ts";
import { ADVICE_NETWORK, type Setup } from "./advice-stage.ts";
import { byTimer, type Way, waiting, waysTo } from "./advice-ways.ts";
import { Mismatch } from "./oracle.ts";
import type { ModelKernel } from "./ports.ts";

/**
 * What advice came to that was carried out. By the rule it helps, or is useless; or an owner conflicts, and yet the bind
 * passes, by the bucket's memory (`cache`), the order of UDP (`group`) or a `fault` of the kernel; or the owners themselves
 * cannot be set up so.
 */
type Outcome = "helps" | "useless" | "cache" | "group" | "fault" | "owner-refused";

export interface AdviceRun {
  failures: number;
  outcomes: Partial<Record<AdviceCode, Partial<Record<Outcome, number>>>>;
  mismatches: Mismatch[];
}

/** Something to be carried out; without advice it is the failure itself. */
interface Trial {
  failure: Failure;
  advice: Advice | null;
  way: string;
  play: Play;
}

interface Failure {
  situation: Situation;
  blockers: Standing[];
  advice: Advice[];
  play: Play;
}

const FIRST_PORT = 1100;
/** Situations that share a network: it has ports for all that is done in the failures among them. */
const SITUATIONS_A_NETWORK = 300;
const WITH_TIMER = 30;
const FIN_TIMEOUT = 60;
const SHORT_FIN_TIMEOUT = 1;

/** Random failures; what bindtrace advises on each is done, in each way that there is, and the bind tried again. */
export async function runAdvice(
  lab: Pick<Lab, "run">,
  kernel: ModelKernel,
  { failures, seed }: { failures: number; seed: number },
): Promise<AdviceRun> {
  const run: AdviceRun = { failures: 0, outcomes: {}, mismatches: [] };
  const toWait: Failure[] = [];
  for (let network = 0; run.failures < failures; network++) {
    const ports = portsFrom(FIRST_PORT);
    const setup = (): Setup => ({ port: ports(), prefix: "", finTimeout: FIN_TIMEOUT });
    const found = fc
      .sample(situation, { seed: seed + network, numRuns: SITUATIONS_A_NETWORK })
      .flatMap((one) => failureOf(kernel, one, setup));
    const trials = found.flatMap((failure) => [
      { failure, advice: null, way: "as it is", play: failure.play },
      ...failure.advice.flatMap((advice) =>
        waysTo(advice.code, failure.situation, failure.blockers).map((way) => trialOf(kernel, failure, advice, way, setup())),
      ),
    ]);
    await carryOut(
      lab,
      ADVICE_NETWORK,
      trials.map((trial) => ({ trial, lines: ["reset", "deadline 2000", ...trial.play.lines] })),
      run,
    );
    run.failures += found.length;
    toWait.push(...found.filter(adviceToWait));
  }
  await waitTogether(lab, kernel, toWait.slice(0, WITH_TIMER), run);
  return run;
}

function portsFrom(first: number): () => number {
  let next = first;
  return () => next++;
}

/** None where the bind or listen passes, or is not come to, or where a fault hides an owner that blocks. */
function failureOf(kernel: ModelKernel, one: Situation, setup: () => Setup): Failure[] {
  const asItIs = play(kernel, one, nothing, setup());
  const question = asItIs?.question;
  if (!asItIs || !question?.answer.refused || question.asked !== one.ask) return [];
  const { binder, standing, answer } = question;
  const blockers = standing.filter(({ blocks }) => blocks);
  if (blockers.length !== answer.blockers.length) return [];
  const parties = (blocking: boolean) => standing.filter(({ blocks }) => blocks === blocking).map(({ party }) => party);
  return [{ situation: one, blockers, advice: adviseOn(binder, parties(true), parties(false), kernel.traits), play: asItIs }];
}

function trialOf(kernel: ModelKernel, failure: Failure, advice: Advice, way: Way, setup: Setup): Trial {
  const done = play(kernel, way.situation, way.act, setup);
  if (!done) throw new Error(`the model does not follow ${advice.code}, ${way.name}, in ${JSON.stringify(failure.situation)}`);
  return { failure, advice, way: way.name, play: done };
}

/** The real timer, of many at the same time. */
async function waitTogether(lab: Pick<Lab, "run">, kernel: ModelKernel, failures: Failure[], run: AdviceRun): Promise<void> {
  const ports = portsFrom(FIRST_PORT);
  const trials = failures.flatMap((failure) => {
    const advice = adviceToWait(failure);
    const port = ports();
    const way = waiting(failure.situation, failure.blockers, byTimer);
    return advice ? [trialOf(kernel, failure, advice, way, { port, prefix: `t${port}_`, finTimeout: SHORT_FIN_TIMEOUT })] : [];
  });
  await carryOut(
    lab,
    [...ADVICE_NETWORK, `sysctl net.ipv4.tcp_fin_timeout ${SHORT_FIN_TIMEOUT}`],
    [
      ...trials.map((trial) => ({ trial, lines: trial.play.lines.slice(0, trial.play.prepared) })),
      ...trials.map((trial) => ({ trial, lines: trial.play.lines.slice(trial.play.prepared) })),
    ],
    run,
  );
}

const adviceToWait = ({ advice }: Failure) => advice.find(({ code }) => code === "wait-for-time-wait");

async function carryOut(
  lab: Pick<Lab, "run">,
  network: string[],
  said: { trial: Trial; lines: string[] }[],
  run: AdviceRun,
): Promise<void> {
  const answers = await lab.run([...network, ...said.flatMap(({ lines }) => lines)]);
  const failed = network.findIndex((_, index) => !isOk(answers[index]));
  if (failed !== -1) throw new Error(`${network[failed]}: ${answers[failed]}`);
  const heard = new Map<Trial, { line: string; answer: string }[]>();
  let next = network.length;
  for (const { trial, lines } of said) {
    const all = heard.get(trial) ?? [];
    heard.set(trial, all);
    for (const line of lines) all.push({ line, answer: answers[next++] ?? "" });
  }
  for (const [trial, lines] of heard) count(trial, lines, network, run);
}

const isOk = (answer = "") => /^ok\b/.test(answer);

function count({ failure, advice, way, play }: Trial, lines: { line: string; answer: string }[], network: string[], run: AdviceRun): void {
  const refused = play.question?.answer.refused ?? true;
  const odd = lines.find(({ answer }, index) => (refused && index === lines.length - 1 ? answer !== "EADDRINUSE" : !isOk(answer)));
  const last = lines.at(-1)?.answer;
  const outcome = odd || !advice ? null : outcomeOf(advice, play.question, isOk(last));
  if (odd || (advice && !outcome)) {
    const wrong = odd ? `${odd.line}: ${odd.answer}, which the model did not foresee` : `wouldBind is ${advice?.wouldBind}, but ${last}`;
    const owners = failure.blockers.map(({ party }) => `  blocks: ${JSON.stringify(party)}`);
    const message = [`${advice?.code ?? "failure"}, ${way}: ${wrong}`, JSON.stringify(failure.situation), ...owners].join("\n");
    run.mismatches.push(new Mismatch(message, [...network, ...lines.map(({ line }) => line)]));
  } else if (advice && outcome) {
    const counts = run.outcomes[advice.code] ?? {};
    run.outcomes[advice.code] = { ...counts, [outcome]: (counts[outcome] ?? 0) + 1 };
  }
}

/** Null where the advice is wrong. */
function outcomeOf({ wouldBind }: Advice, question: Question | null, passed: boolean): Outcome | null {
  if (question === null) return "owner-refused";
  const blocked = question.standing.some(({ blocks }) => blocks);
  if (wouldBind) return passed && !blocked ? "helps" : null;
  if (!blocked) return null;
  return passed ? (question.answer.spared ?? "fault") : "useless";
}
