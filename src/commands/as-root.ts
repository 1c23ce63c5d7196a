import { existsSync, realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import { findProgram, pathFolders } from "./programs.ts";
import { shellCommand } from "./shell-words.ts";

/** Where sudo looks for programs unless sudoers(5) says otherwise: secure_path of Debian, and of Fedora and RHEL. */
const DEBIAN = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const OTHERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
/** Folders that npm, npx and their like put before PATH for what they run alone. */
const PASSING = /\/node_modules\/\.bin\/?$/;

/** How this process was started, and what can be found where. */
export interface Start {
  /** Real path of the node that runs. */
  node: string;
  /** Real path of the script that it runs. */
  script: string;
  /** Folders in which the shell of the user looks. */
  path: readonly string[];
  /** Folders in which sudo looks. */
  sudoPath: readonly string[];
  /** Real path of the program of this name in the first of the folders that has it, null where none has. */
  find(name: string, folders: readonly string[]): string | null;
}

/** What to run, in a shell, to have this same command line as root. */
export function asRoot(words: readonly string[] = process.argv.slice(2), start: Start = thisStart()): string {
  const { node, script, path, sudoPath, find } = start;
  const direct = [node, script, ...words];
  if (find("sudo", path) === null) return `run this as root: ${shellCommand(direct)}`;
  // A script of npm is a link whose first line looks for node once more.
  const works = (folders: readonly string[]) => find("bindtrace", folders) === script && find("node", folders) === node;
  const program = words.includes("--") ? words[words.indexOf("--") + 1] : undefined;
  const findsProgram = program === undefined || program.includes("/") || find(program, sudoPath) === find(program, path);
  if (works(sudoPath) && findsProgram) return `run ${shellCommand(["sudo", "bindtrace", ...words])}`;
  const keepingPath = 'sudo env "PATH=$PATH"';
  if (works(path)) return `run ${keepingPath} ${shellCommand(["bindtrace", ...words])}`;
  return `run ${findsProgram ? "sudo" : keepingPath} ${shellCommand(direct)}`;
}

function thisStart(): Start {
  return {
    node: process.execPath,
    script: realpathSync(process.argv[1] ?? ""),
    path: pathFolders().filter((folder) => isAbsolute(folder) && !PASSING.test(folder)),
    sudoPath: existsSync("/etc/debian_version") ? DEBIAN : OTHERS,
    find: findProgram,
  };
}
