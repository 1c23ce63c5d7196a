import { describe, expect, it } from "vitest";
import { diagnose } from "../../src/core/diagnosis.ts";
import type { Survey } from "../../src/core/survey.ts";
import { doctorJson, doctorText } from "../../src/report/doctor.ts";
import { machine, NO_FENTRY, NO_KPROBE, rights, trials } from "../core/surveys.ts";

const ESCAPE = "\u001b[";
const COLOUR = new RegExp(`${ESCAPE.replace("[", "\\[")}\\d+m`, "g");
const PLAIN = { color: false, width: 80, ascii: false, offsetMinutes: 0 };
const text = (change: Partial<Survey> = {}, options = PLAIN) => doctorText(diagnose(machine(change)), options);

/** A machine of which there is much to say. */
const MUCH: Partial<Survey> = {
  kernel: { release: "6.1.0-1-amd64", build: "#1 SMP Debian 6.1.4-1", signature: null, architecture: "aarch64" },
  lockdown: "unknown",
  rights: rights({ effective: 1n << 21n }),
  ownPids: false,
  bpftrace: { ok: true, value: "0.27.0" },
  trials: trials({ fentry: NO_FENTRY, kprobe: NO_KPROBE }),
  sysctls: { "net.ipv4.ip_local_port_range": "1024 65535", "net.ipv4.ip_local_reserved_ports": "" },
  kernelLog: [{ at: 12.25, text: "TCP: request_sock_TCP: Possible SYN flooding on port [::]:8080. Sending cookies." }],
};

describe("the text", () => {
  it("has a line each, in groups, and the verdict last", () => {
    expect(text()).toBe(`kernel
  ok       kernel 7.2.12+deb14-cloud-amd64 on x86_64
  ok       its type information (BTF) is readable and has every field that the
           programs need
  ok       the kernel is not locked down

rights
  ok       this is root
  ok       it has the capabilities that tracing needs: CAP_DAC_OVERRIDE,
           CAP_DAC_READ_SEARCH, CAP_IPC_LOCK, CAP_SYS_PTRACE, CAP_SYS_ADMIN,
           CAP_SYS_NICE, CAP_SYSLOG, CAP_PERFMON, CAP_BPF
  ok       tracefs is mounted
  ok       /proc shows 57 processes

bpftrace
  ok       bpftrace 0.23.2

hooks
  ok       fentry: a program was attached
  ok       kprobe: a program was attached
  ok       tracepoint: a program was attached
  ok       hook set kernel (fentry), which shows the most

settings of this network namespace
  ok       net.core.somaxconn = 4096
           bounds the backlog of listen, the connections that wait for accept;
           it has nothing to do with bind

kernel messages
  ok       none of the kernel's 0 messages is about sockets

known faults of this kernel
  note     a TCP bind to a port in use looks at all of its sockets (slower), and
           an owner that cleared SO_REUSEADDR after its bind no longer shares
           (evidence: source, run; commit 8002d44fe84d)
  mend     nothing to do, the answer is right

bindtrace: live tracing works here: hook set kernel (fentry)
`);
  });

  it("fits into 80 columns, whatever there is to say", () => {
    const lines = text({ ...MUCH, kernelLog: [{ at: 1, text: `TCP: too many orphaned sockets ${"x".repeat(300)}` }] }).split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  it("shows what a lesser hook set misses, kernel messages and settings that are empty", () => {
    const said = text(MUCH);
    expect(said).toContain(`\n  note     kprobe is refused: ${NO_KPROBE.reason}\n  mend     `);
    expect(said).toContain("\n           - binds and listens of 32-bit programs and of io_uring\n");
    expect(said).toContain("\n           - [12.250000] TCP: request_sock_TCP: Possible SYN flooding on port");
    expect(said).toContain("\n  ok       net.ipv4.ip_local_reserved_ports = (none)\n");
    expect(said).toMatch(/\nbindtrace: live tracing works here: hook set tracepoint \(fentry and kprobe are\nrefused\)\n$/);
  });

  it("escapes what the kernel's messages hold", () => {
    const said = text({ kernelLog: [{ at: 1, text: "TCP: too many orphaned sockets \u001b[31m\u202e" }] });
    expect(said).toContain("sockets \\x1b[31m\\u{202e}");
  });

  it("says the same with colour, and in ASCII", () => {
    const coloured = text(MUCH, { ...PLAIN, color: true });
    expect(coloured).toContain("\u001b[32mok\u001b[39m");
    expect(coloured.replaceAll(COLOUR, "")).toBe(text(MUCH));
    expect(text(MUCH, { ...PLAIN, ascii: true })).toMatch(/^[\x20-\x7e\n]*$/);
  });
});

describe("the JSON", () => {
  const json = (change: Partial<Survey> = {}) => doctorJson(diagnose(machine(change)));

  it("is one object on one line", () => {
    const line = json(MUCH);
    expect(line.trimEnd().split("\n")).toHaveLength(1);
    const { findings, ...record } = JSON.parse(line);
    expect(record).toEqual({
      type: "doctor",
      schema: 1,
      kernel: "6.1.0-1-amd64",
      upstream: "6.1.4",
      bpftrace: "0.27.0",
      works: true,
      hooks: "tracepoint",
      attach: "tracepoint",
      verdict: "live tracing works here: hook set tracepoint (fentry and kprobe are refused)",
    });
    expect(findings).toContainEqual({
      section: "settings",
      code: "net.ipv4.ip_local_port_range",
      status: "note",
      fact: expect.stringContaining("begins at 1024"),
      mend: expect.stringContaining("ip_local_reserved_ports"),
      value: "1024 65535",
    });
  });

  it("is null where there is nothing to name", () => {
    const record = JSON.parse(json({ bpftrace: { ok: false, error: "bpftrace is not installed: install it" }, trials: [] }));
    expect(record).toMatchObject({ bpftrace: null, works: false, hooks: null, attach: null });
  });

  it("is safe on a terminal", () => {
    expect(json({ kernelLog: [{ at: 1, text: "TCP: too many orphaned sockets \u009b31m\u202e" }] })).toMatch(
      /sockets \\\\x9b31m\\\\u\{202e\}/,
    );
  });
});
