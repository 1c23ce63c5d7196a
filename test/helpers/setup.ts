import { liveProblem } from "./cli.ts";

/** Says once what cannot run here. In CI on a machine that can run everything, that is a failure. */
export default function setup(): void {
  if (liveProblem === null) return;
  if (process.env.BINDTRACE_LIVE === "required") throw new Error(`live tests must run here, but ${liveProblem}`);
  console.log(`live tests are skipped: ${liveProblem.replace("live tests need", "they need")}`);
}
