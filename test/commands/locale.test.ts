import { describe, expect, it } from "vitest";
import { takesUtf8 } from "../../src/commands/locale.ts";
import { bindtrace } from "../helpers/cli.ts";

describe("the locale", () => {
  it.each<[Record<string, string>, boolean]>([
    [{}, true],
    [{ LANG: "" }, true],
    [{ LANG: "en_US.UTF-8" }, true],
    [{ LANG: "C.utf8" }, true],
    [{ LANG: "de_DE.UTF-8@euro" }, true],
    [{ LANG: "C" }, false],
    [{ LANG: "POSIX" }, false],
    [{ LANG: "en_US" }, false],
    [{ LANG: "ja_JP.eucJP" }, false],
    [{ LANG: "zh_CN.UTF-16" }, false],
    [{ LC_CTYPE: "C", LANG: "C.UTF-8" }, false],
    [{ LC_CTYPE: "C.UTF-8", LANG: "C" }, true],
    [{ LC_ALL: "C", LC_CTYPE: "C.UTF-8", LANG: "C.UTF-8" }, false],
    [{ LC_ALL: "", LC_CTYPE: "", LANG: "C" }, false],
  ])("%j", (env, expected) => {
    expect(takesUtf8(env)).toBe(expected);
  });

  const sample = "samples/ungraceful-restart/trace.jsonl";
  it("that takes no UTF-8 gives the report that --ascii gives", async () => {
    const [plain, asked] = await Promise.all([
      bindtrace(["replay", sample], { env: { LC_ALL: "C" } }),
      bindtrace(["replay", sample, "--ascii"], { env: { LC_ALL: "C.UTF-8" } }),
    ]);
    expect(plain.stdout).toMatch(/^[\n\x20-\x7e]*$/);
    expect(plain.stdout).toBe(asked.stdout);
  });

  it("leaves JSON as it is", async () => {
    const [plain, utf8] = await Promise.all(
      ["C", "C.UTF-8"].map((locale) => bindtrace(["replay", sample, "--json"], { env: { LC_ALL: locale } })),
    );
    expect(plain?.stdout).toBe(utf8?.stdout);
  });
});
