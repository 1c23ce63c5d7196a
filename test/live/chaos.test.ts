import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { chaosText, runChaos } from "../helpers/chaos-run.ts";
import { liveProblem, ROOT, scratch } from "../helpers/cli.ts";

/** `make chaos` asks for minutes, and keeps log, report and trace. */
const IS_ASKED = process.env.CHAOS_MINUTES !== undefined;
const MINUTES = Number(process.env.CHAOS_MINUTES ?? 0.5);
/** The draws of `make test` are always the same; `make chaos` says which were its own. */
const SEED = Number(process.env.CHAOS_SEED || (IS_ASKED ? Date.now() % 2 ** 31 : 1));
const KEPT = IS_ASKED ? join(ROOT, ".cache/chaos") : null;

const seconds = MINUTES * 60;
const MINUTE = 60_000;

describe.skipIf(liveProblem !== null)("random life on a few ports", () => {
  it(
    "is explained as its own log has it",
    async () => {
      const folder = KEPT === null ? scratch() : { path: KEPT, remove: () => {} };
      mkdirSync(folder.path, { recursive: true });
      try {
        const run = await runChaos(folder.path, seconds, SEED);
        console.log(chaosText(run));
        expect(run.wrong.map(({ failure, refused, why }) => ({ failure: failure?.id, inode: refused?.inode, why }))).toEqual([]);
        expect(run.stderr).toBe("");
        expect(run.failures).toBeGreaterThan(seconds / 2);
        expect(run.unknown.length).toBeLessThanOrEqual(run.failures / 20);
        expect(run.unknown.filter(({ why }) => why.length === 0)).toEqual([]);
      } finally {
        folder.remove();
      }
    },
    (MINUTES + 3) * MINUTE,
  );
});
