import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/*.test.ts"],
    setupFiles: ["test/wide-vectors.ts"],
    testTimeout: 30_000,
    // By default one processor is left out, which is half of two.
    maxWorkers: "100%",
  },
});
