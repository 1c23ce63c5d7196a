import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "test/helpers/setup.ts",
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Two at a time: a live test runs a tracer and a lab of processes, on machines that may have two cores.
    maxWorkers: 2,
  },
});
