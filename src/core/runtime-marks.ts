/** Variables by which runtimes and supervisors mark the processes that they start. Of these the name says enough. */
export const MARK_NAMES = [
  // Node: a worker of node:cluster, and a child with a channel to its parent (child_process.fork, cluster, nodemon, pm2).
  "NODE_UNIQUE_ID",
  "NODE_CHANNEL_FD",
  // pm2: the first in fork mode, the second in cluster mode, where it carries all else that pm2 has to say.
  "pm_id",
  "pm2_env",
  "NODE_APP_INSTANCE",
  "PM2_HOME",
  // systemd: sockets passed to a service (sd_listen_fds(3)), and any service (systemd.exec(5)).
  "LISTEN_FDS",
  "INVOCATION_ID",
  // node --watch, and the server that `next dev` forks. nodemon and tsx set nothing.
  "WATCH_REPORT_DEPENDENCIES",
  "NEXT_PRIVATE_WORKER",
  "VSCODE_INSPECTOR_OPTIONS",
] as const;

/** Of these the value is told too, where it is a plain word. */
export const MARK_WORDS = ["exec_mode", "npm_lifecycle_event", "SERVER_SOFTWARE"] as const;

/** Of these it depends on the value whether they are told. */
export const MARK_CHOICES = ["LISTEN_PID", "NODE_OPTIONS"] as const;

const MARKS: ReadonlySet<string> = new Set([...MARK_NAMES, ...MARK_WORDS, ...MARK_CHOICES]);

/** The variable is one that a runtime sets, and so has no name that somebody gave. */
export const isMark = (name: string) => MARKS.has(name);
