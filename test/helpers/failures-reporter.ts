import { stripVTControlCharacters } from "node:util";
import type { Reporter, TestModule } from "vitest/node";

const LENGTH = 600;

/** Names what failed once more, in the last lines of a run: the end of a log is what people, and CI, are left with. */
export default class FailuresReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly Failure[]): void {
    const tests = modules.flatMap((module) =>
      [...module.children.allTests("failed")].map((test) =>
        line(`${module.relativeModuleId} > ${test.fullName}`, test.result().errors ?? []),
      ),
    );
    const hooks = modules.flatMap((module) => [
      ...(module.errors().length > 0 ? [line(module.relativeModuleId, module.errors())] : []),
      ...[...module.children.allSuites()]
        .filter((suite) => suite.errors().length > 0)
        .map((suite) => line(`${module.relativeModuleId} > ${suite.fullName}`, suite.errors())),
    ]);
    const failed = [...tests, ...hooks, ...(errors.length > 0 ? [line("outside of every test", errors)] : [])];
    if (failed.length > 0) console.log(`${failed.length} failed:\n${failed.join("\n")}`);
  }
}

interface Failure {
  message: string;
  diff?: string | undefined;
}

/** The message, and of a comparison the lines in which the two differ. */
function line(name: string, errors: readonly Failure[]): string {
  const told = errors.map(({ message, diff }) => {
    const differing = stripVTControlCharacters(diff ?? "")
      .split("\n")
      .filter((text) => /^[-+]/.test(text));
    return [message, ...differing].join(" ").replace(/\s+/g, " ").slice(0, LENGTH);
  });
  return `  ${name}: ${told.join(" | ")}`;
}
