import type { Nanos } from "../base/nanoseconds.ts";
import { errnoName } from "../core/errno.ts";
import type { TraceEvent } from "../core/event.ts";
import type { LineFields } from "./fields.ts";
import { fdOrNull, OPTIONS, PASS_NAMES } from "./protocol.ts";
import type { Reading } from "./sockets.ts";
import { optionWords, orNull, stateOf } from "./words.ts";

/** The lines that are events by themselves, whatever came before: `bt:close`, `bt:exit` and so on. Throws where one is malformed. */
export function readMoments(fields: LineFields, t: Nanos, reading: Reading): TraceEvent[] {
  return fields.tag === "destroy" ? readEnd(fields, t, reading) : [readMoment(fields, t, reading)];
}

function readMoment(fields: LineFields, t: Nanos, reading: Reading): TraceEvent {
  switch (fields.tag) {
    case "close": {
      const [pid, tid, fd] = [fields.number(), fields.number(), fields.number()];
      const ref = socketRef(fields, reading);
      return { type: "close", t, pid, tid, fd: fdOrNull(fd), ...ref, references: fields.number(), comm: fields.comm() };
    }
    case "pass":
      return readPass(fields, t, reading);
    case "option":
      return readOption(fields, t, reading);
    case "state": {
      const ref = socketRef(fields, reading);
      fields.number();
      return { type: "state", t, ...ref, from: stateOf(fields.number()), to: stateOf(fields.number()) };
    }
    case "free": {
      const ref = endedRef(fields, reading);
      const by = endedBy(fields);
      return { type: "release", t, ...ref, by: by.pid === 0 ? null : by };
    }
    case "fork":
      return { type: "fork", t, pid: fields.number(), child: fields.number() };
    case "exec":
      return { type: "exec", t, pid: fields.number(), comm: fields.comm() };
    case "signal":
      return readSignal(fields, t);
    case "exit": {
      const pid = fields.number();
      const status = fields.number();
      return { type: "exit", t, pid, code: (status >> 8) & 0xff, signal: status & 0x7f, comm: fields.comm() };
    }
    default:
      throw new Error(`unknown tag ${fields.tag}`);
  }
}

/** The end of a socket, after what its thread did to it right before and is told with it: a close, and the end of listening. */
function readEnd(fields: LineFields, t: Nanos, reading: Reading): TraceEvent[] {
  const ended = endedRef(fields, reading);
  const by = endedBy(fields);
  const { pid, tid, comm } = by;
  const [inode, closed, fd, stopped] = [orNull(fields.number()), fields.big(), fdOrNull(fields.number()), fields.big()];
  const events: TraceEvent[] = [];
  if (closed !== 0n) events.push({ type: "close", t: reading.instant(closed), pid, tid, comm, fd, ...ended, inode, references: 1 });
  if (stopped !== 0n) events.push({ type: "state", t: reading.instant(stopped), ...ended, inode, from: "LISTEN", to: "CLOSE" });
  return [...events, { type: "destroy", t, ...ended, ...by }];
}

function readPass(fields: LineFields, t: Nanos, reading: Reading): TraceEvent {
  const [pid, tid, how, fd] = [fields.number(), fields.number(), PASS_NAMES[fields.number()], fields.number()];
  if (!how) throw new Error("unknown way to pass a descriptor");
  return { type: "pass", t, pid, tid, fd: fdOrNull(fd), how, ...socketRef(fields, reading), comm: fields.comm() };
}

function readOption(fields: LineFields, t: Nanos, reading: Reading): TraceEvent {
  const [pid, tid, fd] = [fields.number(), fields.number(), fields.number()];
  const ref = socketRef(fields, reading);
  const option = OPTIONS[`${fields.number()}/${fields.number()}`];
  const ret = fields.number();
  const { reuseAddr, reusePort, ipv6Only, device } = optionWords(fields.word());
  if (!option) throw new Error("unknown option");
  const errno = ret < 0 ? errnoName(-ret) : null;
  return {
    type: "option",
    t,
    pid,
    tid,
    fd: fdOrNull(fd),
    ...ref,
    option,
    errno,
    reuseAddr,
    reusePort,
    ipv6Only,
    device,
    comm: fields.comm(),
  };
}

/** A positive code is of the kernel (SI_KERNEL and the like), and the process that ran then had nothing to do with it. */
function readSignal(fields: LineFields, t: Nanos): TraceEvent {
  const [pid, signal, code, sender] = [fields.number(), fields.number(), fields.number(), fields.number()];
  const comm = fields.comm();
  return { type: "signal", t, pid, signal, by: code > 0 ? { pid: 0, comm: "" } : { pid: sender, comm } };
}

const socketRef = (fields: LineFields, { pointer }: Reading) => ({
  sk: pointer(fields.hex()),
  inode: orNull(fields.number()),
  netns: fields.number(),
  port: fields.number(),
});

const endedRef = (fields: LineFields, { pointer }: Reading) => ({
  sk: pointer(fields.hex()),
  netns: fields.number(),
  port: fields.number(),
});

const endedBy = (fields: LineFields) => ({
  pid: fields.number(),
  tid: fields.number(),
  exiting: fields.number() === 1,
  comm: fields.comm(),
});
