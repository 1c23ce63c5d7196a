import { Argument, type Command } from "commander";
import type { CommandTable } from "../report/command-table.ts";
import { bashCompletion } from "../report/completion-bash.ts";
import { fishCompletion } from "../report/completion-fish.ts";
import { zshCompletion } from "../report/completion-zsh.ts";
import { commandTable } from "./command-table.ts";
import { EXIT, type ExitCode, exitMeanings, Failure } from "./failure.ts";
import { withHelp } from "./help.ts";
import { print } from "./output.ts";

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const satisfies Record<
  string,
  (table: CommandTable) => string
>;

/** Comes last of the commands that are shown: its scripts know those that are registered when it runs. */
export function addCompletion(program: Command, words: readonly string[], finish: (code: ExitCode) => void): void {
  const command = program
    .command("completion")
    .summary("completion with Tab for bash, zsh and fish")
    .description("Prints a script that lets a shell complete commands, options and their values with Tab.")
    .addArgument(new Argument("<shell>", "the shell to print it for").choices(Object.keys(SHELLS)));
  withHelp(command, {
    examples: [
      { command: "echo 'source <(bindtrace completion bash)' >> ~/.bashrc", purpose: "for bash, from its next start on" },
      { command: "echo 'source <(bindtrace completion zsh)' >> ~/.zshrc", purpose: "for zsh: below compinit, which has to be there" },
      { command: "bindtrace completion fish > ~/.config/fish/completions/bindtrace.fish", purpose: "for fish" },
    ],
    exits: exitMeanings({ clean: "printed", incomplete: "the script could not be written" }, ["usage"]),
  });
  command.action(async (shell: keyof typeof SHELLS) => {
    if (words.length > 0) throw new Failure(EXIT.usage, `completion runs no command: leave out -- and '${words.join(" ")}'`);
    await print("the script", SHELLS[shell](commandTable(program)));
    finish(EXIT.clean);
  });
}
