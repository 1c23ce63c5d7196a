import { unreachable } from "../base/unreachable.ts";
import { type CommandEntry, type CommandTable, flagsOf, type OptionEntry, type ValueEntry } from "./command-table.ts";

/** The completion script for zsh 5, to be sourced, or as a file _bindtrace in a folder of $fpath. */
export function zshCompletion({ version, root, commands }: CommandTable): string {
  return `#compdef bindtrace
# zsh completion for bindtrace ${version}, made by: bindtrace completion zsh

_bindtrace() {
    local curcontext=$curcontext state state_descr line
    local -A opt_args
    local -i dashes=\${words[(i)--]}
    # What follows --: as zsh completes it by itself.
    if ((dashes < CURRENT)); then
        words=("\${(@)words[dashes + 1,-1]}")
        ((CURRENT -= dashes))
        _normal
        return
    fi
    _arguments -s -C \\
${specs(root)}        '1: :->command' \\
        '*:: :->arguments' && return
    case $state in
        command)
            local -a commands=(
${commands.map(({ name, summary }) => `                ${quoted(`${name}:${summary}`)}`).join("\n")}
            )
            _describe -t commands command commands
            ;;
        arguments)
            case $words[1] in
${commands.map(branch).join("\n")}
            esac
            ;;
    esac
}

if [[ $funcstack[1] == _bindtrace ]]; then
    _bindtrace "$@"
else
    compdef _bindtrace bindtrace
fi
`;
}

function branch(entry: CommandEntry): string {
  const values = entry.arguments.map((argument, index) => `                        '${index + 1}:${argument.name}:${action(argument)}'`);
  const lines = `${specs(entry).replace(/^ {8}/gm, " ".repeat(24))}${values.map((line) => `${line} \\\n`).join("")}`;
  return [
    `                ${entry.name})`,
    "                    _arguments -s \\",
    lines.replace(/ \\\n$/, ""),
    "                    ;;",
  ].join("\n");
}

/** A specification a line for _arguments: an option that was given once is not offered again. */
function specs({ options }: CommandEntry): string {
  return options.map((option) => `        ${spec(option)} \\\n`).join("");
}

function spec(option: OptionEntry): string {
  const { value, description, repeats } = option;
  const flags = flagsOf(option);
  const what = `[${description.replace(/[\\[\]]/g, "\\$&")}]${value ? `:${value.name}:${action(value)}` : ""}`;
  const once = repeats ? "*" : flags.length > 1 ? `(${flags.join(" ")})` : "";
  const written = flags.map((flag) => `${flag}${value === null ? "" : flag.startsWith("--") ? "=" : "+"}`);
  return flags.length > 1 ? `${quoted(once)}{${written.join(",")}}${quoted(what)}` : quoted(`${once}${written[0]}${what}`);
}

function action({ kind, choices }: ValueEntry): string {
  switch (kind) {
    case "choice":
      return `(${choices.join(" ")})`;
    case "file":
      return "_files";
    case "user":
      return "_users";
    case "interface":
      return "_net_interfaces";
    case "process":
      return "_pids";
    case "free":
      return "";
    default:
      return unreachable(kind);
  }
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
