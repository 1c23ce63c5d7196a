import { type Command, Option } from "commander";
import { type BindOptions, parseHost } from "./bind-options.ts";
import { EXIT, type ExitCode, exitMeanings, Failure } from "./failure.ts";
import { GROUPS, withHelp } from "./help.ts";
import { type LookOptions, withLookOptions } from "./options.ts";
import { parsePort } from "./ports.ts";

export interface CheckOptions extends BindOptions, LookOptions {
  netns: string;
  json?: boolean;
}

export function addCheck(program: Command, words: readonly string[], finish: (code: ExitCode) => void): void {
  const command = program
    .command("check")
    .summary("who has a port now, and would a bind of it pass")
    .description("Shows who has a port now and whether a bind of it would pass. Looks, and binds nothing.")
    .argument("<port>", "local port", parsePort)
    .optionsGroup(GROUPS.bind)
    .option("--host <address>", "address that would be bound (default: 0.0.0.0, with --v6only ::)", parseHost)
    .addOption(new Option("--proto <protocol>", "protocol").choices(["tcp", "udp"]).default("tcp"))
    .option("--reuseaddr", "with SO_REUSEADDR, as most servers set it")
    .option("--reuseport", "with SO_REUSEPORT")
    .option("--v6only", "with IPV6_V6ONLY")
    .option("--device <interface>", "with SO_BINDTODEVICE")
    .option("--user <user>", "who would bind: a name or a uid (default: who called sudo, else you)")
    .option("--netns <which>", "in this network namespace: self, a pid, a path or its number", "self")
    .optionsGroup(GROUPS.output)
    .option("--json", "one JSON object instead of text");
  withHelp(withLookOptions(command), {
    examples: [
      { command: "sudo bindtrace check 8080", purpose: "of 0.0.0.0, without options" },
      { command: "sudo bindtrace check 8080 --host :: --reuseaddr", purpose: "as Node and Go bind" },
      { command: "sudo bindtrace check 53 --proto udp --host 127.0.0.1 --user root", purpose: "of a UDP port, by root" },
      { command: "bindtrace check 8080", purpose: "without root, from /proc" },
    ],
    exits: exitMeanings(
      {
        clean: "the bind would pass",
        failuresExplained: "it would be refused",
        unsupported: "this machine cannot be looked at",
        incomplete: "the answer could not be written",
        undetermined: "not determined",
      },
      ["usage", "notPermitted"],
    ),
  });
  command.action(async (port: number, options: CheckOptions) => {
    if (words.length > 0) throw new Failure(EXIT.usage, `check runs no command, but '${words[0]}' follows --`);
    const { look } = await import("./checking.ts");
    finish(await look(port, options));
  });
}
