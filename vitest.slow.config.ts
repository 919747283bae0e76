import { configDefaults, defineConfig } from "vitest/config";
import runtimes from "./vitest.runtimes.config.js";

export default defineConfig({
  test: {
    include: ["test/slow/*.test.ts"],
    exclude: [...configDefaults.exclude, ...runtimes.test!.include!],
    testTimeout: 600_000,
    fileParallelism: false,
  },
});
