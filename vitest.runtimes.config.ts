import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/slow/runtimes.test.ts", "test/slow/where-it-runs.test.ts", "test/slow/site.test.ts"],
    testTimeout: 600_000,
    fileParallelism: false,
  },
});
