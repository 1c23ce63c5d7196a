import { SocketAddress } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressKind, endpoint, ipv4Text, ipv6Text, isWildcard } from "../../src/core/address.ts";

/** Sixteen bytes, rich in runs of zeros. */
const sixteenBytes = fc
  .array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff }) }), {
    minLength: 8,
    maxLength: 8,
  })
  .map((groups) => groups.flatMap((group) => [group >> 8, group & 0xff]));

const plainText = (bytes: number[]) =>
  Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16)).join(":");
/** ::a.b.c.d (deprecated "IPv4-compatible"): libuv writes it dotted, the kernel and RFC 5952 do not ask for that. */
const isCompatible = (bytes: number[]) => bytes.slice(0, 12).every((byte) => byte === 0) && bytes.slice(12, 14).some((byte) => byte !== 0);

describe("ipv6Text", () => {
  it("is the canonical form of node:net", () => {
    fc.assert(
      fc.property(
        sixteenBytes.filter((bytes) => !isCompatible(bytes)),
        (bytes) => {
          expect(ipv6Text(bytes)).toBe(new SocketAddress({ family: "ipv6", address: plainText(bytes) }).address);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each([
    [[0, 0, 0, 0, 0, 0, 0, 0], "::"],
    [[0, 0, 0, 0, 0, 0, 0, 1], "::1"],
    [[0xfe80, 0, 0, 0, 0, 0, 0, 0], "fe80::"],
    [[0x2001, 0xdb8, 0, 0, 1, 0, 0, 1], "2001:db8::1:0:0:1"],
    [[0x2001, 0xdb8, 0, 1, 1, 1, 1, 1], "2001:db8:0:1:1:1:1:1"],
    [[0, 0, 0, 0, 0, 0xffff, 0x7f00, 1], "::ffff:127.0.0.1"],
    [[0, 0, 0, 0, 0, 0xffff, 0, 0], "::ffff:0.0.0.0"],
    [[0, 0, 0, 0, 0, 0xff, 0x7f00, 1], "::ff:7f00:1"],
    [[0, 0, 0, 0, 0, 0xff00, 0x7f00, 1], "::ff00:7f00:1"],
  ])("%j is %s", (groups, text) => {
    expect(ipv6Text(groups.flatMap((group) => [group >> 8, group & 0xff]))).toBe(text);
  });
});

it("ipv4Text takes the first four bytes", () => {
  expect(ipv4Text([127, 0, 0, 1, 9])).toBe("127.0.0.1");
});

describe("addressKind", () => {
  it.each([
    ["ipv4", "0.0.0.0", { kind: "v4", v4: "0.0.0.0" }, true],
    ["ipv4", "127.0.0.1", { kind: "v4", v4: "127.0.0.1" }, false],
    ["ipv6", "::", { kind: "any6", v4: "0.0.0.0" }, true],
    ["ipv6", "::1", { kind: "specific6", v4: "127.0.0.6" }, false],
    ["ipv6", "::ffff:a:b", { kind: "specific6", v4: "127.0.0.6" }, false],
    ["ipv6", "::ffff:127.0.0.1", { kind: "mapped", v4: "127.0.0.1" }, false],
    ["ipv6", "::ffff:0.0.0.0", { kind: "mapped", v4: "0.0.0.0" }, true],
  ] as const)("%s %s", (family, address, kind, wildcard) => {
    expect(addressKind(family, address)).toEqual(kind);
    expect(isWildcard(family, address)).toBe(wildcard);
  });
});

it.each([
  ["127.0.0.1", "127.0.0.1:8080"],
  ["::1", "[::1]:8080"],
])("endpoint of %s", (address, text) => {
  expect(endpoint(address, 8080)).toBe(text);
});
