/** What the manual page says beyond the table of commands and options. */

export interface Chapter {
  title: string;
  /** Paragraphs, and terms with what they mean. */
  paragraphs: (string | [term: string, meaning: string])[];
}

/** Day of the last change to this text. */
export const DATE = "2026-11-23";

export const NAME = "explain a bind that was refused because the port is in use";

export const BEFORE_OPTIONS: Chapter[] = [
  {
    title: "DESCRIPTION",
    paragraphs: [
      "bindtrace watches bind(2) and listen(2). When the kernel refuses one with EADDRINUSE, it reads the kernel's own list of the sockets that have the port, and says which socket was in the way, which processes hold it, by which rule the kernel refused, what would have let the call through, and when the port became free. At the end it shows what happened on each port, in the order of time.",
      "Without a command it traces: until Ctrl-C, or as long as the options say. What follows -- is a command that is started once the trace is armed; the trace ends with it. That command keeps its standard output and its standard error, and the report goes to standard error, or to the file of --output. With --json, standard output is for JSON, and the standard output of the command goes to standard error.",
      "A trace that --save recorded gives the same report again, on any machine and without root.",
    ],
  },
];

export const EXITS =
  "2, 3, 4 and 130 come before anything is traced; once it is, a signal is the normal end. With --exit-code child, the exit status is that of the command, once it was started: 128 and the number of the signal, where one ended it.";

/** The last of them comes behind the examples. */
export const LAST: Chapter[] = [
  {
    title: "ENVIRONMENT",
    paragraphs: [
      ["LC_ALL, LC_CTYPE, LANG", "The first that is not empty: where it names another encoding than UTF-8, reports are drawn in ASCII."],
      ["TERM", "Where it is dumb, no status line is shown while nothing happens."],
      ["NO_COLOR", "When it is not empty, --color auto is without colour."],
      ["PATH", "Where bpftrace(8) and the command are looked for. sudo(8) sets one of its own: see NOTES."],
      [
        "SUDO_UID, SUDO_GID",
        "Set by sudo(8): the command runs as this user, the file of --save belongs to this user, and bindtrace check takes the bind to be by this user.",
      ],
    ],
  },
  {
    title: "FILES",
    paragraphs: [
      ["/sys/kernel/btf/vmlinux", "The types of the running kernel (BTF): without them it cannot be traced."],
      ["/sys/kernel/tracing", "Where bpftrace(8) finds tracepoints. Where it is not mounted, it is mounted for bpftrace alone."],
      ["/proc", "Where the processes that hold a socket are looked for, and their command lines."],
    ],
  },
  {
    title: "NOTES",
    paragraphs: [
      "Tracing needs root. So does bindtrace check, to see more than /proc shows, and bindtrace doctor, to try what the kernel lets in. The other commands do not.",
      "As root run bindtrace itself (Node), bpftrace(8) with the program that --print-program prints, and programs of util-linux such as nsenter(1), where another network namespace is looked at. Of the command line, nothing but numbers gets into that program.",
      "Under sudo(8), the command behind -- does not run as root, but as the user who called sudo, with that user's groups and home.",
      "A saved trace has the command lines of processes in it: its owner alone may read it.",
      'sudo(8) looks for programs in its own secure_path (sudoers(5)). Where node or bindtrace is not there (nvm, a prefix of npm in the home folder), this keeps the PATH of the user: sudo env "PATH=$PATH" bindtrace ... When root is missing, bindtrace says which command works.',
    ],
  },
  {
    title: "SEE ALSO",
    paragraphs: ["bind(2), listen(2), ip(7), socket(7), tcp(7), udp(7), bpftrace(8), lsof(8), ss(8), strace(1), sudo(8)"],
  },
];
