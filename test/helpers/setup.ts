import { browserProblem } from "./browser.ts";
import { liveProblem } from "./cli.ts";

/** Says once what cannot run here. In CI on a machine that can run everything, that is a failure. */
export default function setup(): void {
  for (const [tests, problem] of [
    ["live tests", liveProblem],
    ["tests in a browser", browserProblem],
  ] as const) {
    if (problem === null) continue;
    if (process.env.BINDTRACE_LIVE === "required") throw new Error(`${tests} must run here, but ${problem}`);
    console.log(`${tests} are skipped: ${problem.replace(`${tests} need`, "they need")}`);
  }
}
