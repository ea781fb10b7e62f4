import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    // A test may run a whole suite of another runner, on a machine that is busy.
    testTimeout: 600_000,
  },
});
