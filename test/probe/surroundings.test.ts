import { expect, it } from "vitest";
import { isOnDevice, isRoutedHere } from "../../src/probe/surroundings.ts";

const FIB_TRIE = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
     +-- 127.0.0.0/8 2 0 2
        +-- 127.0.0.0/31 1 0 0
           |-- 127.0.0.0
              /8 host LOCAL
           |-- 127.0.0.1
              /32 host LOCAL
        |-- 127.255.255.255
           /32 link BROADCAST
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.2
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
`;
const IF_INET6 = `fe8000000000000000fc00fffe000001 04 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
fd000000000000000000000000000002 04 40 00 c0     eth0
`;

it.each([
  ["127.0.0.1", true],
  ["127.200.0.9", true],
  ["192.0.2.2", true],
  ["192.0.2.255", true],
  ["192.0.2.3", false],
  ["198.51.100.1", false],
])("IPv4: %s is here: %s", (address, expected) => {
  expect(isRoutedHere(FIB_TRIE, address)).toBe(expected);
});

it("IPv4: without an interface that is up no address is here", () => {
  expect(isRoutedHere("", "127.0.0.1")).toBe(false);
});

it.each([
  ["::1", true],
  ["fe80::fc:ff:fe00:1", true],
  ["fd00::3", false],
  // The kernel still asks whether another machine has it.
  ["fd00::2", null],
])("IPv6: %s is here: %s", (address, expected) => {
  expect(isOnDevice(IF_INET6, address)).toBe(expected);
});
