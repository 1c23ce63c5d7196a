import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCgroup, parseCommand, parseNsPids, parseProgram, parseStat, readFacts } from "../../src/probe/proc-pid.ts";

const stat = (comm: string | Buffer) =>
  Buffer.concat([
    Buffer.from("4711 ("),
    Buffer.from(comm as string),
    Buffer.from(") T 42 4711 4711 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 3850635 5 0\n"),
  ]);

describe("/proc/PID/stat", () => {
  it.each([
    ["plain", "node", "node"],
    ["with the signs around it", "a) R 1 (b", "a) R 1 (b"],
    ["with a newline and an escape", "a\n\x1b[1m", "a\n\x1b[1m"],
    ["empty", "", ""],
    ["not UTF-8", Buffer.from([0x61, 0xff, 0xc3]), "a\\xff\\xc3"],
  ])("has a name: %s", (_, bytes, comm) => {
    expect(parseStat(stat(bytes))).toEqual({ comm, state: "T", parent: 42, startTicks: 3850635 });
  });

  it("is read the same whatever the name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (comm) => {
        expect(parseStat(stat(comm))).toEqual({ comm, state: "T", parent: 42, startTicks: 3850635 });
      }),
    );
  });
});

it.each([
  ["node\0server.js\0--port\x008080\0", "node server.js --port 8080"],
  ["sh\0-c\0\0", "sh -c"],
  ["echo\0\0x\0", "echo  x"],
  // A title that is shorter than the words that it lies over.
  ["nginx: master process\0\0\0\0", "nginx: master process"],
  ["", ""],
  [`sh\0${"x".repeat(4093)}`, `sh ${"x".repeat(4093)}`],
  [`sh\0${"x".repeat(4094)}`, `sh ${"x".repeat(4093)}...`],
])("the words %j are the command %j", (words, command) => expect(parseCommand(Buffer.from(words))).toBe(command));

it.each([
  ["/usr/bin/python3.11", "python3.11"],
  ["/opt/a b/node (deleted)", "node"],
  ["/memfd:runc (deleted)", "memfd:runc"],
  ["(unreachable)/bin/sh", "sh"],
])("the program of %s is %s", (path, program) => expect(parseProgram(Buffer.from(path))).toBe(program));

it("a program's name that is not UTF-8 is told", () => {
  expect(parseProgram(Buffer.from([0x2f, 0x61, 0xfe]))).toBe("a\\xfe");
});

describe("/proc/PID/cgroup", () => {
  it.each([
    ["v2", "0::/system.slice/nginx.service\n", "/system.slice/nginx.service"],
    ["v2, nothing but the root", "0::/\n", "/"],
    ["v2, gone before its zombie", "0::/system.slice/nginx.service (deleted)\n", "/system.slice/nginx.service"],
    ["v2, a colon in the path", "0::/a.slice:docker:1f\n", "/a.slice:docker:1f"],
    ["v1", "12:pids:/other\n1:name=systemd:/system.slice/nginx.service\n", "/system.slice/nginx.service"],
    ["hybrid", "1:name=systemd:/docker/1f\n0::/system.slice/containerd.service\n", "/docker/1f"],
    ["hybrid, told by v2 alone", "9:name=systemd:/\n4:memory:/x\n0::/system.slice/nginx.service\n", "/system.slice/nginx.service"],
    ["hybrid, nothing told", "9:name=systemd:/\n0::/\n", "/"],
    ["a name with what ends a line elsewhere", "0::/a\r1:name=systemd:/b\n", "/a\r1:name=systemd:/b"],
    ["v1 without systemd", "4:memory:/x\n", null],
    ["none", "", null],
  ])("%s", (_, text, path) => expect(parseCgroup(text)).toBe(path));
});

describe("/proc/PID/status", () => {
  it.each([
    ["Name:\tnode\nNStgid:\t7\nNSpid:\t7\nNSpgid:\t7\n", [7]],
    ["Name:\tnginx\nNSpid:\t4711\t27\t1\nNSpgid:\t9\t9\t9\n", [4711, 27, 1]],
    ["Name:\ta\\nNSpid:\\t9\nNSpid:\t8\n", [8]],
    ["Name:\t\rNSpid:\t9\nNSpid:\t8\n", [8]],
    ["Name:\tnode\n", []],
  ])("%j has the ids %j", (status, ids) => expect(parseNsPids(status)).toEqual(ids));
});

it("a file is read to its end or to 1 MiB, whichever comes first", () => {
  expect(readFacts("/dev/null")).toEqual(Buffer.alloc(0));
  expect(readFacts("/proc/self/comm").toString()).toMatch(/^.{1,15}\n$/);
  expect(readFacts("/dev/zero").equals(Buffer.alloc(1 << 20))).toBe(true);
});
