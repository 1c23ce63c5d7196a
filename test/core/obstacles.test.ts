import { expect, it } from "vitest";
import { type Ground, obstacles } from "../../src/core/obstacles.ts";
import type { Party } from "../../src/core/party.ts";
import { party, udp } from "./parties.ts";

const root = { uid: 0 };
it.each<[string, Party, number, Partial<Ground>, string[]]>([
  ["root", party("0.0.0.0", "", root), 80, {}, []],
  ["a high port", party("0.0.0.0"), 1024, {}, []],
  ["a low port", party("0.0.0.0"), 1023, {}, ["EACCES"]],
  ["the setting", party("0.0.0.0"), 80, { sysctls: { "net.ipv4.ip_unprivileged_port_start": "80" } }, []],
  ["a foreign address", party("192.0.2.1", "", root), 80, { isLocal: false }, ["EADDRNOTAVAIL"]],
  ["an address of which nothing is known", party("192.0.2.1", "", root), 80, { isLocal: null }, []],
  ["ip_nonlocal_bind", party("192.0.2.1", "", root), 80, { isLocal: false, sysctls: { "net.ipv4.ip_nonlocal_bind": "1" } }, []],
  [
    "ip_nonlocal_bind of the other family",
    party("2001:db8::1"),
    8080,
    { isLocal: false, sysctls: { "net.ipv4.ip_nonlocal_bind": "1" } },
    ["EADDRNOTAVAIL"],
  ],
  ["wildcards", party("0.0.0.0"), 8080, { isLocal: false }, []],
  ["wildcards of IPv6", party("::"), 8080, { isLocal: false }, []],
  ["mapped wildcards", party("::ffff:0.0.0.0"), 8080, { isLocal: false }, []],
  ["multicast", udp("224.0.0.251"), 5353, { isLocal: false }, []],
  ["IPv6 multicast", udp("ff02::fb"), 5353, { isLocal: false }, []],
  ["IPv6 multicast of TCP", party("ff02::fb"), 5353, { isLocal: false }, ["EINVAL"]],
  ["IPv4 looks at the address first", party("192.0.2.1"), 80, { isLocal: false }, ["EADDRNOTAVAIL", "EACCES"]],
  ["IPv6 looks at the port first", party("2001:db8::1"), 80, { isLocal: false }, ["EACCES", "EADDRNOTAVAIL"]],
  ["a mapped address", party("::ffff:192.0.2.1"), 8080, { isLocal: false }, ["EADDRNOTAVAIL"]],
  ["a mapped address, IPv6-only", party("::ffff:127.0.0.1", "", { ipv6Only: true }), 8080, {}, ["EINVAL"]],
])("%s", (_, binder, port, ground, errnos) => {
  const found = obstacles(binder, port, { sysctls: {}, isLocal: true, ...ground });
  expect(found.map(({ errno }) => errno)).toEqual(errnos);
});
