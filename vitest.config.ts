import { defineConfig } from "vitest/config";

/** Tests that bind ports by the thousand, of which a tracer of all network namespaces would see too much. */
const NOISY = "test/{oracle,lab,docs}/**/*.test.ts";
/** Tests with a browser or with npm, whose processes would take the time that live traces need. */
const HEAVY = "test/{browser,install}/**/*.test.ts";

export default defineConfig({
  test: {
    reporters: ["default", "./test/helpers/corpus-reporter.ts", "./test/helpers/failures-reporter.ts"],
    globalSetup: "test/helpers/setup.ts",
    setupFiles: "test/helpers/same-draws.ts",
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two at a time: a live test runs a tracer and a lab of processes, on machines that may have two cores.
    maxWorkers: 2,
    // In another locale the reports are in ASCII.
    env: { LC_ALL: "C.UTF-8" },
    projects: [
      {
        extends: true,
        test: { name: "bindtrace", include: ["test/**/*.test.ts"], exclude: [NOISY, HEAVY], sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: "rules", include: [NOISY], sequence: { groupOrder: 1 } } },
      { extends: true, test: { name: "outside", include: [HEAVY], testTimeout: 60_000, sequence: { groupOrder: 2 } } },
    ],
  },
});
