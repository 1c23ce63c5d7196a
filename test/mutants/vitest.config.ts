import { defineConfig } from "vitest/config";

/** The tests that a mutant of the rule is tried with: the pure ones, drawn alike for each mutant. */
export default defineConfig({
  test: {
    include: ["test/core/{address,bucket,check,conflict,faults,obstacles,party}.test.ts"],
    setupFiles: "test/helpers/same-draws.ts",
  },
});
