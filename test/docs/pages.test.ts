import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { MARK_CHOICES, MARK_NAMES, MARK_WORDS } from "../../src/core/runtime-marks.ts";
import { decodeEvent, decodeHeader } from "../../src/trace/codec.ts";
import { ROOT } from "../helpers/cli.ts";
import { PAGES, section, textOf } from "./pages.ts";

/** The anchors that a page has, as GitHub makes them of its headings. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replaceAll(" ", "-"),
  );

it.each(PAGES)("%s links to what is there", (page) => {
  const text = textOf(page);
  const links = [...text.matchAll(/\]\(([^)\s]*)\)/g)].map(([, link = ""]) => link);
  const broken = links.filter((link) => {
    if (/^https:/.test(link)) return false;
    const [file = "", anchor] = link.split("#");
    const path = file === "" ? page : join(dirname(page), file);
    if (!existsSync(join(ROOT, path))) return true;
    return anchor !== undefined && !anchors(textOf(path)).includes(anchor);
  });
  expect(broken).toEqual([]);
});

it.each(PAGES)("%s names no folder of the machine that it was written on", (page) => {
  expect(textOf(page)).not.toMatch(/(?<![\w.~])\/(home|root|work|tmp|Users)\/(?!\.\.\.)/);
});

it("docs/README.md leads to every page", () => {
  const map = textOf("docs/README.md");
  const pages = PAGES.filter((page) => page !== "README.md" && page !== "docs/README.md").map((page) => page.replace("docs/", ""));
  expect(pages.filter((page) => !map.includes(`](${page})`) && !map.includes(`](../${page})`))).toEqual([]);
});

it("security.md names every variable of the environment that is looked for", () => {
  const source = readFileSync(join(ROOT, "src/probe/marks.ts"), "utf8");
  const names = [...MARK_NAMES, ...MARK_WORDS];
  const others = [...source.matchAll(/\b(?:get|has)\("(\w+)"\)/g)].map(([, name = ""]) => name);
  const told = section(textOf("docs/security.md"), "What is read");
  expect(others).toEqual(MARK_CHOICES);
  expect([...names, ...others].filter((name) => !told.includes(name))).toEqual([]);
});

describe.each(readdirSync(join(ROOT, "docs/traces")))("docs/traces/%s", (name) => {
  const [first = "", ...lines] = textOf(`docs/traces/${name}`).trimEnd().split("\n");

  it("is whole, and of this version", () => {
    const header = decodeHeader(first);
    expect(header.ok).toBe(true);
    const events = lines.map((line) => decodeEvent(line));
    expect(events.filter(({ kind }) => kind !== "event")).toEqual([]);
    expect(lines.at(-1)).toContain('"type":"end"');
  });

  it("is shown by a page", () => {
    expect(PAGES.some((page) => new RegExp(`^ {4}\\$ .*docs/traces/${name}\\b`, "m").test(textOf(page)))).toBe(true);
  });

  it("names no machine and no folder of one", () => {
    expect([first, ...lines].join("\n")).not.toMatch(/\/(home|root|work|tmp|Users)\//);
    expect(JSON.parse(first).host).toBe("lab");
  });
});
