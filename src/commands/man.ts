import type { Command } from "commander";
import { manPage } from "../report/man.ts";
import { commandTable } from "./command-table.ts";
import { EXIT, type ExitCode } from "./failure.ts";
import { print } from "./output.ts";

/** Prints the manual page. Not shown: it is for `make man`, since man/bindtrace.1 comes with the package. */
export function addMan(program: Command, finish: (code: ExitCode) => void): void {
  program.command("man", { hidden: true }).action(async () => {
    await print("the page", manPage(commandTable(program)));
    finish(EXIT.clean);
  });
}
