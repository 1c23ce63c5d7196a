import { describe, expect, it } from "vitest";
import { sysctlFindings } from "../../src/core/sysctl-notes.ts";

/** As on a machine where nobody changed anything. */
const DEFAULTS = {
  "net.core.somaxconn": "4096",
  "net.ipv4.ip_autobind_reuse": "0",
  "net.ipv4.ip_local_port_range": "32768 60999",
  "net.ipv4.ip_local_reserved_ports": "",
  "net.ipv4.ip_nonlocal_bind": "0",
  "net.ipv4.ip_unprivileged_port_start": "1024",
  "net.ipv4.tcp_fin_timeout": "60",
  "net.ipv4.tcp_max_tw_buckets": "131072",
  "net.ipv4.tcp_tw_reuse": "2",
};
const finding = (name: string, value: string, skipped = 0) => {
  const [found] = sysctlFindings({ [name]: value }, skipped);
  if (!found) throw new Error(`nothing is said of ${name}`);
  return found;
};

describe("settings", () => {
  it("have a value and a sentence each, and are well by default", () => {
    const found = sysctlFindings(DEFAULTS, 0);
    expect(found.map(({ code, value, status, mend }) => [code, value, status, mend])).toEqual([
      ["net.ipv4.ip_local_port_range", "32768 60999", "ok", null],
      ["net.ipv4.ip_local_reserved_ports", "", "ok", null],
      ["net.ipv4.ip_unprivileged_port_start", "1024", "ok", null],
      ["net.ipv4.tcp_fin_timeout", "60", "ok", null],
      ["net.ipv4.tcp_tw_reuse", "2", "ok", null],
      ["net.ipv4.tcp_max_tw_buckets", "131072", "ok", null],
      ["net.ipv4.ip_autobind_reuse", "0", "ok", null],
      ["net.core.somaxconn", "4096", "ok", null],
    ]);
    expect(new Set(found.map(({ fact }) => fact)).size).toBe(found.length);
  });

  it("that this kernel has not are left out", () => expect(sysctlFindings({ "net.core.somaxconn": "128" }, 0)).toHaveLength(1));

  it.each([
    ["net.ipv4.tcp_tw_reuse", /bind does not look at it/],
    ["net.ipv4.tcp_fin_timeout", /not the length of TIME_WAIT, which is 60 s/],
    ["net.ipv4.tcp_max_tw_buckets", /late segments/],
    ["net.core.somaxconn", /nothing to do with bind/],
    ["net.ipv4.ip_unprivileged_port_start", /EACCES, never EADDRINUSE/],
    ["net.ipv4.ip_local_reserved_ports", /explicit bind/],
  ])("%s: what it does not do is said", (name, sentence) => expect(finding(name, "1").fact).toMatch(sentence));
});

describe("a value to think about", () => {
  it.each([
    ["1024 65535", /begins at 1024/, /ip_local_reserved_ports/],
    ["40000 40099", /holds 100 ports only/, /widen it/],
  ])("port range %s", (value, fact, mend) => {
    const found = finding("net.ipv4.ip_local_port_range", value);
    expect(found.status).toBe("note");
    expect(found.fact).toMatch(fact);
    expect(found.mend).toMatch(mend);
  });

  it("autobind that shares", () => {
    expect(finding("net.ipv4.ip_autobind_reuse", "1")).toMatchObject({
      status: "note",
      mend: expect.stringContaining("IP_BIND_ADDRESS_NO_PORT"),
    });
  });

  it("connections that had to do without TIME_WAIT", () => {
    const found = finding("net.ipv4.tcp_max_tw_buckets", "100", 17);
    expect(found).toMatchObject({ status: "note", fact: expect.stringContaining("; 17 connections have gone without TIME_WAIT") });
    expect(found.mend).toMatch(/raise it/);
  });
});
