import type { Header } from "./event.ts";
import { clusterPrimary, clusterWorker, inspectorPort, libuvReportsListen, pm2ForkMode } from "./notes-node.ts";
import { checkedBefore, ephemeralPort } from "./notes-ports.ts";
import { launcherGone, sameCommand, sameProcess, stoppedHolder, watcherOverlap } from "./notes-processes.ts";
import { type Say, sceneOf } from "./notes-scene.ts";
import { dockerProxy, serverMaster, serverWorker, systemdSocket } from "./notes-servers.ts";
import type { NoteRecord } from "./record.ts";
import type { Failure } from "./refusal.ts";
import type { SocketTable } from "./table.ts";

interface Note {
  code: string;
  say: Say;
  /** Codes that tell more of the same thing: with one of these it is left out. */
  unless?: readonly string[];
}

/** Those that say what a holder is to the binder. */
const RELATIONS = [
  "same-process",
  "watcher-overlap",
  "inspector-port",
  "pm2-fork-mode",
  "systemd-socket",
  "docker-proxy",
  "server-master",
  "server-worker",
  "cluster-worker",
  "cluster-primary",
];

/** The most specific first. */
const NOTES: readonly Note[] = [
  { code: "same-process", say: sameProcess },
  { code: "stopped-holder", say: stoppedHolder },
  { code: "watcher-overlap", say: watcherOverlap },
  { code: "checked-before", say: checkedBefore },
  { code: "inspector-port", say: inspectorPort },
  { code: "pm2-fork-mode", say: pm2ForkMode },
  { code: "systemd-socket", say: systemdSocket },
  { code: "docker-proxy", say: dockerProxy },
  { code: "server-master", say: serverMaster },
  { code: "server-worker", say: serverWorker, unless: ["server-master"] },
  // The inspector of a worker binds by itself, and complains in words of its own.
  { code: "cluster-worker", say: clusterWorker, unless: ["inspector-port"] },
  { code: "cluster-primary", say: clusterPrimary, unless: ["inspector-port"] },
  { code: "ephemeral-port", say: ephemeralPort },
  { code: "launcher-gone", say: launcherGone, unless: ["systemd-socket", "docker-proxy", "server-master", "server-worker"] },
  { code: "same-command", say: sameCommand, unless: RELATIONS },
  { code: "libuv-reports-listen", say: libuvReportsListen, unless: ["inspector-port"] },
];

/**
 * What the runtimes and the arrangement of the processes add to a failure, as far as the evidence shows it, the most specific
 * note first. Names and command lines in the messages are foreign text.
 */
export function notesOn(failure: Failure, table: SocketTable, header: Header): NoteRecord[] {
  const scene = sceneOf(failure, table, header);
  const notes: NoteRecord[] = [];
  for (const { code, say, unless = [] } of NOTES) {
    const message = notes.some((note) => unless.includes(note.code)) ? null : say(scene);
    if (message !== null) notes.push({ code, message });
  }
  return notes;
}
