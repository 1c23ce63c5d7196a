import { unreachable } from "../base/unreachable.ts";
import { type CommandEntry, type CommandTable, flagsOf, type OptionEntry, type ValueEntry } from "./command-table.ts";

/** The completion script for fish 3. */
export function fishCompletion({ version, root, commands }: CommandTable): string {
  const valued = root.options.filter(({ value }) => value !== null).flatMap(flagsOf);
  return `# fish completion for bindtrace ${version}, made by: bindtrace completion fish

# Whether the cursor is behind this command of bindtrace: '' before any, -- behind that.
function __bindtrace_is --argument-names wanted
    set -l words (commandline -opc)
    set -l found ''
    set -e words[1]
    if contains -- -- $words
        set found --
    else
        while set -q words[1]
            switch $words[1]
                case ${valued.join(" ")}
                    set -e words[1]
                case '-*'
                case '*'
                    set found $words[1]
                    break
            end
            set -e words[1]
        end
    end
    test "$found" = "$wanted"
end

# What follows --: as fish completes it by itself.
function __bindtrace_program
    set -l words (commandline -opc)
    set -l first (math (contains -i -- -- $words) + 1)
    complete -C (string join ' ' -- (string escape -- $words[$first..]) (commandline -ct))
end

complete -c bindtrace -f
complete -c bindtrace -n '__bindtrace_is --' -a '(__bindtrace_program)'
${commands.map(({ name, summary }) => `complete -c bindtrace -n "__bindtrace_is ''" -a ${name} -d ${quoted(summary)}`).join("\n")}
${[root, ...commands].map(commandLines).join("\n")}
`;
}

function commandLines({ name, arguments: [argument], options }: CommandEntry): string {
  const when = name === "" ? `-n "__bindtrace_is ''"` : `-n '__bindtrace_is ${name}'`;
  const offered = argument ? valueWords(argument, false) : "";
  return [
    "",
    ...(offered === "" ? [] : [`complete -c bindtrace ${when} ${offered}`]),
    ...options.map((option) => `complete -c bindtrace ${when} ${optionWords(option)}`),
  ].join("\n");
}

function optionWords({ short, long, value, description }: OptionEntry): string {
  const flags = [...(short === null ? [] : [`-s ${short.slice(1)}`]), `-l ${long.slice(2)}`];
  return [...flags, ...(value === null ? [] : [valueWords(value, true)]), `-d ${quoted(description)}`].join(" ");
}

/** `required`: the value of an option, which has to be given. */
function valueWords({ kind, choices }: ValueEntry, required: boolean): string {
  const only = required ? "-x " : "";
  switch (kind) {
    case "choice":
      return `${only}-a '${choices.join(" ")}'`;
    case "file":
      return required ? "-r -F" : "-F";
    case "user":
      return `${only}-a '(__fish_complete_users)'`;
    case "interface":
      return `${only}-a '(__fish_print_interfaces)'`;
    case "process":
      return `${only}-a '(__fish_complete_pids)'`;
    case "free":
      return required ? "-x" : "";
    default:
      return unreachable(kind);
  }
}

const quoted = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
