// Browsers, and the pages they are shown: a page sends its result by POST /result.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, extname, join, normalize } from "node:path";

export interface Answer {
  result?: unknown;
  error?: string;
  cause?: string;
  /** Paths of the modules that the browser asked for. */
  loaded: string[];
}

const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript" };

/** Serves a folder on this machine until `use` has ended. @param headers of every response */
export async function served<T>(
  root: string,
  headers: Record<string, string>,
  use: (url: string, answer: Promise<Answer>) => Promise<T>,
): Promise<T> {
  let answered: (answer: Answer) => void = () => {};
  const answer = new Promise<Answer>((resolve) => {
    answered = resolve;
  });
  const loaded: string[] = [];
  const server = createServer(async (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const path = join(root, normalize(new URL(request.url!, "http://localhost").pathname));
    if (request.method === "POST") {
      let body = "";
      for await (const piece of request.setEncoding("utf8")) body += piece;
      answered({ ...JSON.parse(body), loaded });
      response.end();
    } else if (existsSync(path) && statSync(path).isFile()) {
      response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream");
      response.end(readFileSync(path));
      if (/\.m?js$/.test(path)) loaded.push(path);
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, answer);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

export const late = (what: string, seconds: number) =>
  new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`${what}: no answer in ${seconds} seconds`)), seconds * 1000).unref();
  });

/** Starts a browser for one page and returns what the page sends back. @param start starts it with a profile in a folder */
export async function inBrowser(
  start: (url: string, profile: string) => ChildProcess,
  root: string,
  page: string,
): Promise<Answer> {
  const profile = mkdtempSync(join(tmpdir(), "rivulet-browser-"));
  return served(root, {}, async (url, answer) => {
    const browser = start(url + page, profile);
    const gone = new Promise((done) => browser.on("exit", done));
    try {
      return await Promise.race([answer, late(page, 120)]);
    } finally {
      process.kill(-browser.pid!);
      await gone;
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    }
  });
}

export const CHROMIUM = "/usr/bin/chromium";
export const FIREFOX = "/usr/bin/firefox-esr";

/** Returns true if a browser is installed; prints a message if it is not. In CI a missing browser fails its tests. */
export function present(browser: string): boolean {
  const there = existsSync(browser);
  if (!there && !process.env.CI) console.warn(`SKIPPED: no ${browser} (Debian: apt-get install ${basename(browser)})`);
  return there || process.env.CI !== undefined;
}

/** Flags that keep it off the network. */
export const CHROMIUM_FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** Starts a process group of its own, so that its children end with it. */
const GROUP = { stdio: "ignore", detached: true } as const;

export function chromium(url: string, profile: string): ChildProcess {
  return spawn(CHROMIUM, [...CHROMIUM_FLAGS, `--user-data-dir=${profile}`, url], GROUP);
}

export function firefox(url: string, profile: string): ChildProcess {
  const off = ["toolkit.telemetry.reportingpolicy.firstRun", "datareporting.policy.dataSubmissionEnabled"];
  const preferences = [
    ...off,
    "app.normandy.enabled",
    "browser.aboutwelcome.enabled",
    "network.captive-portal-service.enabled",
  ];
  const lines = preferences.map((name) => `user_pref("${name}", false);\n`);
  writeFileSync(join(profile, "user.js"), lines.join(""));
  const args = ["--headless", "--no-remote", "--profile", profile, url];
  return spawn(FIREFOX, args, GROUP);
}

/** Chromium, driven by Playwright. @param path of playwright-core */
export async function playwright(path: string) {
  const { chromium } = await import(path);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_FLAGS });
  return {
    close: (): Promise<void> => browser.close(),
    /** Returns what a page of a folder sends back. @param headers of every response */
    async answer(root: string, path = "index.html", headers: Record<string, string> = {}): Promise<Answer> {
      return served(root, headers, async (url, answer) => {
        const page = await browser.newPage();
        const failed = new Promise<never>((_, reject) => page.on("pageerror", reject));
        try {
          await page.goto(url + path);
          return await Promise.race([answer, failed, late(path, 120)]);
        } finally {
          await page.close();
        }
      });
    },
    /** The text of a page of a folder, once there are `length` characters. */
    async text(root: string, length: number, path = "index.html"): Promise<string> {
      return served(root, {}, async (url) => {
        const page = await browser.newPage();
        const failed = new Promise<never>((_, reject) => page.on("pageerror", reject));
        try {
          await page.goto(url + path);
          // Runs in the page.
          const written = `(document.body?.textContent ?? "").trimStart().length >= ${length}`;
          await Promise.race([page.waitForFunction(written, undefined, { timeout: 60_000 }), failed]);
          return (await page.evaluate("document.body.textContent")).trimStart();
        } finally {
          await page.close();
        }
      });
    },
  };
}
