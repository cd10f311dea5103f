import { defineConfig } from "vitest/config";

// One browser and one server at a time: the tests look at time-outs and the page draws by software.
export default defineConfig({
  test: {
    include: ["e2e/**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    retry: 1, // the browser, the server and the tests share the machine's cores; retries are told
    sequence: { concurrent: false },
  },
});
