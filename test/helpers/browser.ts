import { existsSync } from "node:fs";

/** Debian's Chromium: nothing is downloaded. */
export const CHROMIUM = "/usr/bin/chromium";

/** Where there is no browser, what needs one is skipped, but not in CI. */
export const browserProblem: string | null = existsSync(CHROMIUM) ? null : "tests in a browser need chromium";
