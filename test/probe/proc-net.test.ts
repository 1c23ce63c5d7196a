import { mkdirSync, writeFileSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { parseSockets, readListeners } from "../../src/probe/proc-net.ts";
import { scratch } from "../helpers/cli.ts";

/** Rows as a kernel printed them, but for the ends of the lines. */
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 7655 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 02:0000A8C0 00000000 65534        0 7656 2 0000000000000000 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:D432 06 00000000:00000000 03:000016E3 00000000     0        0 0 3 0000000000000000
   3: 0100007F:1F90 0100007F:D433 05 00000000:00000000 03:00000064 00000000     0        0 0 3 0000000000000000
   4: 0100007F:1F90 0100007F:D434 04 00000000:00000001 01:00000014 00000000  1000        0 0 3 0000000000000000
   5: 0100007F:1F90 0100007F:D435 03 00000000:00000000 01:00000064 00000000  1000        0 0 1 0000000000000000
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0000000000000000
   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0000000000000000
   2: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:A000 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0000000000000000
   3: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:A000 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0000000000000000
`;
const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1234: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   104        0 20 2 0000000000000000 0
 1235: 0100007F:14E9 0100007F:0035 01 00000000:00000000 00:00000000 00000000   104        0 21 2 0000000000000000 0
`;

it("reads addresses, states, users and inodes; options and devices are not there", () => {
  const [listener, child] = parseSockets(TCP, "tcp", "ipv4");
  const unseen = { reuseAddr: null, reusePort: null, device: null, group: null };
  const here = { protocol: "tcp", family: "ipv4", address: "127.0.0.1", port: 8080 };
  expect(listener).toEqual({
    ...here,
    ...unseen,
    peer: null,
    state: "LISTEN",
    substate: null,
    expiresAt: null,
    inode: 7655,
    uid: 1000,
    ipv6Only: false,
  });
  // 65534 stands for every user that is unknown here.
  expect(child).toMatchObject({ ...here, peer: { address: "127.0.0.1", port: 54_321 }, state: "ESTABLISHED", inode: 7656, uid: null });
});

it("knows a TIME_WAIT remainder by its timer, whatever state it prints, and leaves out what owns no port yet", () => {
  const rest = parseSockets(TCP, "tcp", "ipv4").slice(2);
  expect(rest.map(({ state, substate, expiresAt, uid, inode }) => [state, substate, expiresAt, uid, inode])).toEqual([
    ["TIME_WAIT", "TIME_WAIT", 58_590_000_000, null, null],
    ["TIME_WAIT", "FIN_WAIT2", 1_000_000_000, null, null],
    ["FIN_WAIT1", null, null, 1000, null],
  ]);
});

it("of IPv6 says what the address tells about IPV6_V6ONLY", () => {
  expect(parseSockets(TCP6, "tcp", "ipv6").map(({ address, ipv6Only }) => [address, ipv6Only])).toEqual([
    ["::", null],
    ["::1", true],
    ["::1", null],
    ["::ffff:127.0.0.1", false],
  ]);
});

it("a UDP socket is bound, connected or not", () => {
  expect(parseSockets(UDP, "udp", "ipv4")).toMatchObject([
    { address: "0.0.0.0", port: 5353, peer: null, state: "BOUND", uid: 104, inode: 20 },
    { address: "127.0.0.1", port: 5353, peer: { address: "127.0.0.1", port: 53 }, state: "BOUND", inode: 21 },
  ]);
});

const row = (index: number, state: string) =>
  `${String(index).padStart(4)}: 0100007F:1F90 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${7000 + index} 1 0`.padEnd(
    149,
  );
const HEAD = "  sl  local_address rem_address   st".padEnd(149);

it("looks at each row of a long table once: this would take a minute otherwise", () => {
  const { path, remove } = scratch();
  onTestFinished(remove);
  mkdirSync(`${path}/net`);
  writeFileSync(`${path}/net/tcp`, `${[HEAD, ...Array.from({ length: 60_000 }, (_, index) => row(index, "0A"))].join("\n")}\n`);
  expect(readListeners(`${path}/net`)).toHaveLength(60_000);
});

it("finds the listeners at the beginning of a table, however many there are, and goes no further", () => {
  const { path, remove } = scratch();
  onTestFinished(remove);
  const rows = [
    ...Array.from({ length: 100 }, (_, index) => row(index, "0A")),
    ...Array.from({ length: 100 }, (_, index) => row(index, "01")),
  ];
  // No kernel prints a listener behind a connection: it shows how far was read.
  const late = row(900, "0A");
  mkdirSync(`${path}/net`);
  writeFileSync(`${path}/net/tcp`, `${[HEAD, ...rows, late].join("\n")}\n`);
  writeFileSync(`${path}/net/tcp6`, TCP6);
  const found = readListeners(`${path}/net`);
  expect(found.filter(({ family }) => family === "ipv4").map(({ inode }) => inode)).toEqual(
    Array.from({ length: 100 }, (_, index) => 7000 + index),
  );
  expect(found.filter(({ family }) => family === "ipv6")).toMatchObject([
    { address: "::", port: 8080, inode: 1 },
    { address: "::1", port: 8080, inode: 2 },
  ]);
  expect(readListeners(`${path}/none`)).toEqual([]);
});
