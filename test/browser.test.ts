// A seed gives the same bits in a Chromium page and in this Node. slow/runtimes.test.ts covers other runtimes.

import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { CHROMIUM, chromium, inBrowser, present } from "./browsers.js";

const root = new URL("..", import.meta.url).pathname;

it.runIf(present(CHROMIUM))(
  "a page in Chromium has Node's losses, norms, texts and files, of networks and of n-grams",
  { timeout: 120_000 },
  async () => {
    const here = execFileSync(process.execPath, ["test/journey/program.mjs"], { cwd: root, encoding: "utf8" });
    const { result, error } = await inBrowser(chromium, root, "test/journey/checkout.html");
    expect({ result, error }).toEqual({ result: JSON.parse(here) });
  },
);
