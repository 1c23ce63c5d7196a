import type { Command } from "commander";
import { asRoot } from "./as-root.ts";
import { EXIT, type ExitCode, exitMeanings, Failure } from "./failure.ts";
import { GROUPS, withHelp } from "./help.ts";
import { type ColorChoice, colorOption, usesColor } from "./options.ts";
import { streamOutput } from "./output.ts";

interface DoctorOptions {
  json?: boolean;
  color: ColorChoice;
  ascii?: boolean;
}

const WIDTH = 80;

export function addDoctor(program: Command, words: readonly string[], finish: (code: ExitCode) => void): void {
  const command = program
    .command("doctor")
    .summary("what this machine can and cannot show, and the mend for each")
    .description("Looks at kernel, rights, bpftrace, hooks and settings: what this machine can and cannot show, and the mend for each.")
    .optionsGroup(GROUPS.output)
    .option("--json", "one JSON object instead of text")
    .addOption(colorOption())
    .option("--ascii", "ASCII characters only");
  withHelp(command, {
    examples: [
      { command: "sudo bindtrace doctor", purpose: "everything, with the mend of what is wrong" },
      { command: "sudo bindtrace doctor --json | jq -r .verdict", purpose: "the last line alone, for scripts" },
    ],
    exits: exitMeanings(
      { clean: "live tracing will work", unsupported: "live tracing will not work", incomplete: "the findings could not be written" },
      ["usage"],
    ),
  });
  command.action(async (options: DoctorOptions) => {
    if (words.length > 0) throw new Failure(EXIT.usage, `doctor runs no command, but '${words[0]}' follows --`);
    finish(await doctor(options));
  });
}

async function doctor(options: DoctorOptions): Promise<ExitCode> {
  if (process.platform !== "linux") throw new Failure(EXIT.unsupported, "bindtrace traces Linux only; replay works anywhere");
  const [{ diagnose }, { survey }] = await Promise.all([import("../core/diagnosis.ts"), import("../probe/survey.ts")]);
  const { doctorJson, doctorText } = await import("../report/doctor.ts");
  const diagnosis = diagnose({ ...(await survey()), asRoot: asRoot() });
  const output = streamOutput(process.stdout);
  const color = usesColor(options.color, process.stdout.isTTY === true);
  output.write(
    options.json ? doctorJson(diagnosis) : doctorText(diagnosis, { color, width: WIDTH, ascii: options.ascii === true, offsetMinutes: 0 }),
  );
  await output.close();
  return diagnosis.works ? EXIT.clean : EXIT.unsupported;
}
