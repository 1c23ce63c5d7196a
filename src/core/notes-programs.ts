import type { Actor } from "./notes-scene.ts";
import type { Running } from "./process.ts";

/**
 * What a process is, by its program and the words of its command line; by its name alone where /proc came too late. Node 22 and later
 * call their main thread MainThread.
 */

export const isNode = ({ program }: Pick<Running, "program">) => ["node", "nodejs", "MainThread"].includes(program);

/** `nodemon` of `/app/node_modules/.bin/nodemon`. */
const nameOf = (word: string) => word.slice(word.lastIndexOf("/") + 1).replace(/\.[cm]?js$/, "");

/** Watchers that are programs of their own. */
const WATCHERS = ["air", "cargo-watch", "watchexec"];

/** Those that are scripts of Node: the name of the script, and which arguments make it one that starts programs anew. */
const WATCHING_SCRIPTS: Readonly<Record<string, { name: string; with?(words: readonly string[]): boolean }>> = {
  nodemon: { name: "nodemon" },
  "ts-node-dev": { name: "ts-node-dev" },
  tsnd: { name: "ts-node-dev" },
  tsx: { name: "tsx watch", with: ([first]) => first === "watch" },
  next: { name: "next dev", with: ([first]) => first === "dev" },
  nest: { name: "nest start --watch", with: ([first, ...words]) => first === "start" && words.some(isWatchFlag) },
  webpack: { name: "webpack", with: (words) => words.some((word) => ["serve", "watch"].includes(word) || isWatchFlag(word)) },
  vite: { name: "vite" },
};

const isWatchFlag = (word: string) => word === "--watch" || word === "-w";

/** The watcher that this process is, as it is called; null: it is none that is known. */
export function watcherName(running: Running): string | null {
  if (WATCHERS.includes(running.program)) return running.program;
  if (!isNode(running)) return null;
  const [, ...words] = running.command.split(" ");
  const at = words.findIndex((word) => !word.startsWith("-"));
  if (words.slice(0, at < 0 ? words.length : at).some((word) => /^--watch(-path)?(=|$)/.test(word))) return "node --watch";
  // Without its link in .bin, tsx is dist/cli.mjs of its package.
  const script = nameOf((words[at] ?? "").replace(/\/dist\/cli\.mjs$/, ""));
  const watcher = Object.hasOwn(WATCHING_SCRIPTS, script) ? WATCHING_SCRIPTS[script] : undefined;
  return watcher && (watcher.with?.(words.slice(at + 1)) ?? true) ? watcher.name : null;
}

/** Servers of a master and workers that write into their command line which of the two a process is. */
const TITLES: readonly { title: RegExp; server: string; role: Role["role"] }[] = [
  { title: /^nginx: master process/, server: "nginx", role: "master" },
  { title: /^nginx: worker process/, server: "nginx", role: "worker" },
  { title: /^gunicorn: master/, server: "gunicorn", role: "master" },
  { title: /^gunicorn: worker/, server: "gunicorn", role: "worker" },
  { title: /^unicorn(_rails)? master/, server: "unicorn", role: "master" },
  { title: /^unicorn(_rails)? worker\[/, server: "unicorn", role: "worker" },
  { title: /^puma: cluster worker/, server: "puma", role: "worker" },
  { title: /^php-fpm: master process/, server: "php-fpm", role: "master" },
  { title: /^php-fpm: pool /, server: "php-fpm", role: "worker" },
];

export interface Role {
  server: string;
  role: "master" | "worker";
  /** Of a worker: null where its parent is not a process of the same server any more, undefined where that is not known. */
  master?: Running | null;
}

/**
 * Which part of a server with a master and workers a process is; null: of none that is known. Without a title only a parent or
 * a child (`others`) of the same server tells.
 */
export function roleOf(actor: Actor, others: readonly Actor[]): Role | null {
  const [parent] = actor.line;
  const titled = TITLES.find(({ title }) => title.test(actor.command));
  if (titled) {
    const { server, role } = titled;
    if (role === "master" || !parent) return { server, role };
    return { server, role, master: parent.program === actor.program ? parent : null };
  }
  const server = serverName(actor);
  if (parent && serverName(parent) !== null && (server === serverName(parent) || isSpawned(actor))) {
    return { server: serverName(parent) as string, role: "worker", master: parent };
  }
  const child = others.find(({ line }) => line[0]?.pid === actor.pid);
  return server !== null && child && (serverName(child) === server || isSpawned(child)) ? { server, role: "master" } : null;
}

/** Servers without such titles: Apache and HAProxy by their program, scripts of Python by their name. */
function serverName({ program, comm, command }: Running): string | null {
  if (["apache2", "httpd", "haproxy"].includes(program)) return program;
  const names = [comm, nameOf(command.split(" ")[1] ?? "")];
  return ["gunicorn", "uvicorn"].find((server) => names.includes(server)) ?? null;
}

/** A worker of uvicorn is a fresh interpreter (Python's multiprocessing, start method `spawn`). */
const isSpawned = ({ command }: Running) => command.includes("--multiprocessing-fork");

/** The port of Node's inspector where none is named. */
const INSPECTOR_PORT = 9229;

/** The ports on which the options in its command line put Node's inspector. */
export function inspectorPorts({ command }: Running): number[] {
  return [...command.matchAll(/ --(?:inspect(?:-brk|-wait|-port)?|debug-port)(?:=(?:\S*:)?(\d+))?(?= |$)/g)].map(([, port]) =>
    port === undefined ? INSPECTOR_PORT : Number(port),
  );
}

/** The default port needs no option: SIGUSR1 opens the inspector as well. */
export const isInspectorPort = (running: Running, port: number) =>
  isNode(running) && (port === INSPECTOR_PORT || inspectorPorts(running).includes(port));
