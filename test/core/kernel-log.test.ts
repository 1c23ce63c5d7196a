import { describe, expect, it } from "vitest";
import { kernelLogFindings } from "../../src/core/kernel-log.ts";

const log = (...texts: string[]) => kernelLogFindings(texts.map((text, at) => ({ at: at + 0.5, text })));
const FLOOD = "TCP: request_sock_TCP: Possible SYN flooding on port 0.0.0.0:8080. Sending cookies.";

describe("kernel messages", () => {
  it.each([
    [FLOOD, "syn-flood"],
    ["TCP: request_sock_TCPv6: Possible SYN flooding on port 8080. Dropping request.  Check SNMP counters.", "syn-flood"],
    ["TCP: time wait bucket table overflow", "time-wait-overflow"],
    ["TCP: too many orphaned sockets", "too-many-orphans"],
    ["TCP: out of memory -- consider tuning tcp_mem", "tcp-memory"],
    ["Out of socket memory", "tcp-memory"],
    ["nf_conntrack: nf_conntrack: table full, dropping packet", "conntrack-full"],
    ["  cache: tcp_bind_bucket, object size: 128, buffer size: 128, default order: 0, min order: 0", "bucket-allocation"],
    [
      'audit: type=1400 audit(1700000000.1:5): apparmor="DENIED" operation="bind" class="net" profile="nginx" pid=7 comm="nginx" family="inet"',
      "security-module",
    ],
    [
      'audit: type=1400 audit(1700000000.1:5): avc:  denied  { name_bind } for  pid=7 comm="httpd" src=8123 scontext=a tcontext=b tclass=tcp_socket permissive=0',
      "security-module",
    ],
  ])("%s", (text, code) => {
    const [found, ...others] = log("EXT4-fs (loop0): mounted", text);
    expect(found).toMatchObject({ code, status: "note", details: [`[1.500000] ${text}`] });
    expect(found?.mend).not.toBeNull();
    expect(others).toEqual([]);
  });

  it("of other things are counted only", () => {
    expect(log("TCP: Hash tables configured (established 262144 bind 65536)", "usb 1-1: bind failed")).toEqual([
      { code: "kernel-log", status: "ok", fact: "none of the kernel's 2 messages is about sockets", mend: null },
    ]);
  });

  it("are the last five, one finding a kind", () => {
    const found = log(...Array.from({ length: 9 }, () => FLOOD), "TCP: too many orphaned sockets");
    expect(found.map(({ code, details }) => [code, details?.length])).toEqual([
      ["syn-flood", 4],
      ["too-many-orphans", 1],
    ]);
    expect(found[0]?.details?.[0]).toContain("[5.500000]");
  });

  it("that cannot be read are no problem", () => {
    expect(kernelLogFindings(null)).toMatchObject([{ status: "note", fact: "the kernel's messages cannot be read" }]);
  });
});
