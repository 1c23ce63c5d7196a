import { describe, expect, it } from "vitest";
import { parseCapabilities, parseCounter, parseKernelMessage, parseLockdown, parseMounts } from "../../src/probe/survey-text.ts";

describe("lockdown", () => {
  it.each([
    ["[none] integrity confidentiality\n", "none"],
    ["none [integrity] confidentiality\n", "integrity"],
    ["none integrity [confidentiality]\n", "confidentiality"],
    ["none integrity\n", "unknown"],
    ["", "unknown"],
  ])("%j", (text, level) => expect(parseLockdown(text)).toBe(level));
});

describe("capabilities", () => {
  it("are those in effect, and those that root can have", () => {
    const status = "Name:\tnode\nCapInh:\t0000000000000000\nCapEff:\t000001fffeffffff\nCapBnd:\t000001ffffffffff\n";
    expect(parseCapabilities(status, "CapEff")).toBe(0x1fffeffffffn);
    expect(parseCapabilities(status, "CapBnd")).toBe(0x1ffffffffffn);
  });
  it("are null where the kernel tells none", () => expect(parseCapabilities("Name:\tnode\n", "CapEff")).toBeNull());
});

describe("a record of /dev/kmsg", () => {
  it("of the kernel, with the properties behind it", () => {
    expect(parseKernelMessage("6,339,7830534840,-;loop0: detected capacity change\n SUBSYSTEM=block\n DEVICE=b7:0\n")).toEqual({
      at: 7830.53484,
      text: "loop0: detected capacity change",
    });
  });
  it("with a continuation and more fields", () => {
    expect(parseKernelMessage("4,12,1500000,c,caller=T1;a; b\n")).toEqual({ at: 1.5, text: "a; b" });
  });
  it.each([
    ["written by a process (facility user)", "12,901,5140900,-;TCP: too many orphaned sockets\n"],
    ["written by a daemon (facility daemon)", "30,902,5140900,-;systemd[1]: started\n"],
    ["that is none", "hello"],
  ])("%s is not taken", (_, record) => expect(parseKernelMessage(record)).toBeNull());
});

describe("a counter of /proc/net/netstat", () => {
  const netstat = "TcpExt: SyncookiesSent TCPTimeWaitOverflow TCPBacklogDrop\nTcpExt: 1 17 3\nIpExt: InNoRoutes\nIpExt: 5\n";
  it.each([
    ["TCPTimeWaitOverflow", 17],
    ["InNoRoutes", 5],
    ["Nothing", 0],
  ])("%s", (name, value) => expect(parseCounter(netstat, name)).toBe(value));
  it("is 0 where there is nothing to read", () => expect(parseCounter("", "TCPTimeWaitOverflow")).toBe(0));
});

it("mounts", () => {
  expect(parseMounts("proc /proc proc rw,nosuid,hidepid=invisible 0 0\ntracefs /sys/kernel/tracing tracefs rw 0 0\n")).toEqual([
    { path: "/proc", type: "proc", options: ["rw", "nosuid", "hidepid=invisible"] },
    { path: "/sys/kernel/tracing", type: "tracefs", options: ["rw"] },
  ]);
});
