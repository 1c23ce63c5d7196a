import { unreachable } from "../base/unreachable.ts";
import { type CommandEntry, type CommandTable, flagsOf, type ValueEntry } from "./command-table.ts";

/** The completion script for bash 4 or later (compopt, mapfile). What follows -- is completed whole where the package bash-completion is. */
export function bashCompletion({ version, root, commands }: CommandTable): string {
  const names = commands.map(({ name }) => name);
  return `# bash completion for bindtrace ${version}, made by: bindtrace completion bash

_bindtrace() {
    local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command= i
    COMPREPLY=()
    # --option=value comes as three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=\${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case \${COMP_WORDS[i]} in
            --)
                _bindtrace_program $((i + 1))
                return
                ;;
            ${patterns(root.options.filter(({ value }) => value !== null).flatMap(flagsOf))})
                [[ \${COMP_WORDS[i + 1]} == = ]] && ((i++))
                ((i++))
                ;;
            -*) ;;
            *) command=\${command:-\${COMP_WORDS[i]}} ;;
        esac
    done
    case $command in
${[branch(root, words(names)), ...commands.map((entry) => branch(entry, entry.arguments[0] ? offer(entry.arguments[0]) : null))].join("\n")}
    esac
}

_bindtrace_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# What follows --: a program, then whatever that takes.
_bindtrace_program() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif (($1 == COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        compopt -o filenames
    else
        compopt -o default
    fi
}

complete -F _bindtrace bindtrace
`;
}

const patterns = (flags: readonly string[]) => flags.join(" | ");
const words = (list: readonly string[]) => `_bindtrace_words '${list.join(" ")}'`;

const NOTHING = ":";

/** `argument`: what is offered where no option is being written. */
function branch({ name, options }: CommandEntry, argument: string | null): string {
  const actions = new Map<string, string[]>();
  for (const option of options) {
    if (option.value === null) continue;
    const action = offer(option.value) ?? NOTHING;
    actions.set(action, [...(actions.get(action) ?? []), ...flagsOf(option)]);
  }
  const cases = [...actions].map(([action, flags]) => `${patterns(flags)}) ${action} ;;`);
  const flags = words(options.map(({ long }) => long));
  const otherwise =
    argument === null
      ? [`*) ${flags} ;;`]
      : [`*)`, `    if [[ $cur == -* ]]; then`, `        ${flags}`, `    else`, `        ${argument}`, `    fi`, `    ;;`];
  const lines = [...cases, ...otherwise].map((line) => `                ${line}`);
  return [`        ${name === "" ? "''" : name})`, "            case $prev in", ...lines, "            esac", "            ;;"].join("\n");
}

/** Offers the words for a value; null for one that is left to the user. */
function offer({ kind, choices }: ValueEntry): string | null {
  switch (kind) {
    case "choice":
      return words(choices);
    case "file":
      // With no answer of its own, readline completes the name of a file.
      return "compopt -o default";
    case "user":
      return 'mapfile -t COMPREPLY < <(compgen -u -- "$cur")';
    case "interface":
      return 'mapfile -t COMPREPLY < <(cd /sys/class/net && compgen -f -- "$cur")';
    case "process":
      return '_bindtrace_words "$(cd /proc && echo [0-9]*)"';
    case "free":
      return null;
    default:
      return unreachable(kind);
  }
}
