import { getSystemErrorName } from "node:util";
import { expect, it } from "vitest";
import { errnoName } from "../../src/core/errno.ts";

it("names errors as Node does, or gives the number", () => {
  for (let errno = 1; errno < 134; errno++) {
    const name = errnoName(errno);
    expect([getSystemErrorNameOf(errno), `errno ${errno}`]).toContain(name);
  }
});

it.each([
  [98, "EADDRINUSE"],
  [99, "EADDRNOTAVAIL"],
  [13, "EACCES"],
  [1, "EPERM"],
  [22, "EINVAL"],
  [97, "EAFNOSUPPORT"],
  [19, "ENODEV"],
  [95, "EOPNOTSUPP"],
  [200, "errno 200"],
])("%d is %s", (errno, name) => {
  expect(errnoName(errno)).toBe(name);
});

/** Node calls EOPNOTSUPP by its alias. */
function getSystemErrorNameOf(errno: number): string {
  const name = getSystemErrorName(-errno);
  return name === "ENOTSUP" ? "EOPNOTSUPP" : name;
}
