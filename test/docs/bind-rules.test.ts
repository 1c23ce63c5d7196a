import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { addressesOverlap, conflict, RULES } from "../../src/core/conflict.ts";
import type { State } from "../../src/core/event.ts";
import { kernelFaults } from "../../src/core/faults.ts";
import type { Party } from "../../src/core/party.ts";
import { compareVersions, parseVersion, type Version } from "../../src/core/version.ts";
import { CONNECTED, kernel, party } from "../core/parties.ts";
import { ROOT } from "../helpers/cli.ts";
import { labProblem } from "../helpers/lab-session.ts";

const TEXT = readFileSync(join(ROOT, "docs/bind-rules.md"), "utf8");
const version = (text: string) => parseVersion(text) as Version;

/** What a block needs is said before it: `<!-- run: kernel 6.18 -->`, from which on its answers are these, or `<!-- run: needs lsof -->`. */
interface Block {
  name: string;
  script: string;
  /** The lines that it prints, where `…` stands for any word. */
  prints: string[];
  kernel: Version | null;
  programs: string[];
}

const [SETUP, ...BLOCKS] = [...TEXT.matchAll(/^(?:<!-- run: (.*) -->\n)?```sh\n([\s\S]*?)^```$/gm)].map(blockOf) as [Block, ...Block[]];

function blockOf({ 1: needs = "", 2: body = "", index }: RegExpMatchArray): Block {
  const lines = body.trimEnd().split("\n");
  const script = lines.filter((line) => !line.startsWith("# "));
  return {
    name: `in line ${TEXT.slice(0, index).split("\n").length}`,
    script: script.join("\n"),
    prints: script[0]?.startsWith("lab <<<")
      ? script.flatMap(answered)
      : lines.flatMap((line) => (line.startsWith("# ") ? [line.slice(2)] : [])),
    kernel: needs.startsWith("kernel ") ? version(needs.slice("kernel ".length)) : null,
    programs: needs.startsWith("needs ") ? needs.split(" ").slice(1) : [],
  };
}

/** The commands for the lab in a line that have their answer behind them. */
function answered(line: string): string[] {
  const commands = line
    .replace(/^lab <<<'/, "")
    .replace(/'$/, "")
    .split(/; */);
  return commands.filter((command) => command.includes(" -> "));
}

const onPath = (program: string) => (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program)));

function runsHere({ kernel, programs }: Block): boolean {
  return labProblem === null && programs.every(onPath) && (kernel === null || compareVersions(version(release()), kernel) >= 0);
}

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

describe("a command in bind-rules.md answers as it says there", () => {
  for (const block of BLOCKS) {
    it.skipIf(!runsHere(block))(block.name, async () => {
      const script = `ip link set lo up\n${SETUP.script}\n${block.script}`;
      const { stdout, stderr } = await execa("unshare", ["--net", "bash", "-c", script], { cwd: ROOT, reject: false });
      expect(block.prints).not.toEqual([]);
      expect(stdout).toMatch(new RegExp(`^${literally(block.prints.join("\n")).replaceAll("…", "\\S+")}$`));
      expect(stderr).toBe("");
    });
  }
});

/** The rows of the table that begins with this cell, each by column. */
function table(corner: string): Record<string, string>[] {
  const start = TEXT.indexOf(`\n| ${corner} |`) + 1;
  if (start === 0) throw new Error(`there is no table of ${corner}`);
  const rows = (TEXT.slice(start).split("\n\n")[0] as string).split("\n").map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  const [columns, , ...body] = rows as [string[], string[], ...string[][]];
  return body.map((cells) => Object.fromEntries(cells.map((cell, index) => [columns[index], cell])));
}

describe("a table in bind-rules.md says what bindtrace says", () => {
  /** `- or RA`, `RP, other user`. */
  function parties(cell: string, state: State): Party[] {
    const [options = "", what] = cell.split(", ");
    const uid = what === "other user" ? 1001 : 1000;
    return options.split(" or ").map((each) => party("127.0.0.1", each, { state, uid, inGroup: what === "in a group" }));
  }
  const states: Record<string, readonly State[]> = {
    "owner is bound, connected, closing": ["BOUND", ...CONNECTED],
    "owner listens": ["LISTEN"],
    "owner in TIME_WAIT": ["TIME_WAIT"],
  };
  const cases = table("binder").flatMap((row) =>
    Object.entries(states).flatMap(([column, of]) =>
      of.map((state) => ({ binder: row.binder, owner: row.owner, state, says: row[column] })),
    ),
  );
  it.each(cases)("binder $binder, owner $owner in $state: $says", ({ binder, owner, state, says }) => {
    for (const b of parties(binder as string, "BOUND")) {
      for (const o of parties(owner as string, state)) {
        const rule = conflict(b, o, kernel());
        expect(rule === null ? "shares" : `\`${rule}\``).toBe(says);
      }
    }
  });

  const place = (cell: string) => {
    const [address = "", v6only] = cell.split(" ");
    return v6only ? party(address, "", { ipv6Only: true }) : party(address);
  };
  it.each(table("address"))("address $address", ({ address = "", ...owners }) => {
    expect(Object.keys(owners)).toHaveLength(8);
    for (const bhash2 of [false, true]) {
      const overlap = (owner: string) => (addressesOverlap(place(address), place(owner), kernel({ bhash2 })) ? "X" : "");
      expect(owners).toEqual(Object.fromEntries(Object.keys(owners).map((owner) => [owner, overlap(owner)])));
    }
  });

  it("faults", () => {
    const some = ["5.10.170", "6.1.0", "6.1.170", "6.12.0", "7.2.0"];
    const known = some.flatMap((text) => kernelFaults({ version: version(text), exact: true }, null).map(({ code }) => `\`${code}\``));
    expect(new Set(table("fault").map(({ fault }) => fault))).toEqual(new Set(known));
  });
});

describe("bind-rules.md", () => {
  it("names every rule", () => {
    expect(RULES.filter((rule) => !TEXT.includes(`\`${rule}\``))).toEqual([]);
  });
  it("links to what is there", () => {
    const headings = [...TEXT.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    );
    const links = [...TEXT.matchAll(/\]\(([^)]*)\)/g)].map(([, link = ""]) => link);
    const broken = (link: string) =>
      link.startsWith("#") ? !headings.includes(link.slice(1)) : !existsSync(join(ROOT, "docs", link.replace(/#.*/, "")));
    expect(links.filter(broken)).toEqual([]);
  });
});
