#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { type Command, CommanderError } from "commander";
import { EXIT, Failure } from "./commands/failure.ts";
import { streamOutput } from "./commands/output.ts";
import { bindtraceProgram } from "./commands/program.ts";
import { escapeText } from "./report/text.ts";

/** argv to command to exit code; the only place that ends the process. */
async function main(argv: readonly string[]): Promise<number> {
  const dashes = argv.indexOf("--");
  const own = dashes === -1 ? argv : argv.slice(0, dashes);
  const words = dashes === -1 ? [] : argv.slice(dashes + 1);
  let code: number = EXIT.clean;
  const finish = (result: number) => {
    code = result;
  };
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  const help = streamOutput(process.stdout, "the help");
  const program = bindtraceProgram({ version, words, help, say, finish });
  try {
    if (dashes !== -1 && words.length === 0) throw new Failure(EXIT.usage, "no command follows --: write it there, or leave -- out");
    await parse(program, own);
    await help.close();
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return EXIT.usage;
    if (error instanceof Failure) {
      say(error.message);
      return error.code;
    }
    process.stderr.write(`bindtrace: this is a bug in bindtrace, please report it with these lines\n${(error as Error)?.stack ?? error}\n`);
    return EXIT.bug;
  }
}

/** To commander, --help and --version are errors as well: of code 0. */
async function parse(program: Command, argv: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError && error.exitCode === 0)) throw error;
  }
}

function say(sentence: string): void {
  process.stderr.write(`bindtrace: ${escapeText(sentence)}\n`);
}

// Whoever read the sentences has gone: there is nobody left to tell.
process.stderr.on("error", () => {});
process.exitCode = await main(process.argv.slice(2));
