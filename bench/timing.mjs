// Timing on a shared machine: every contestant gets a turn in every round, so that all of them run under the same load.
// Each is judged by its best and its median turn; two are compared by their best turns, and by the median of the ratios
// within each round. With --cpu, the time of a turn is the processor time of all threads, for a machine too busy for
// anything else.

/** Seconds since an arbitrary moment. */
export const clock =
  process.argv.includes("--cpu") || process.env.BENCH_CLOCK === "cpu"
    ? () => {
        const { user, system } = process.cpuUsage();
        return (user + system) / 1e6;
      }
    : () => performance.now() / 1000;

/**
 * Runs the contestants' turns in rounds until `seconds` have passed.
 * @param {{ turn: () => number | Promise<number> }[]} contestants turn() does some work and returns the seconds it took
 * @returns {Promise<{ best: number, median: number, turns: number[] }[]>} seconds; turns round by round
 */
export async function race(contestants, seconds) {
  const times = contestants.map(() => []);
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (let i = 0; i < contestants.length; i++) times[i].push(await contestants[i].turn());
  }
  return times.map((turns) => ({ best: Math.min(...turns), median: median(turns), turns }));
}

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** A turn that calls a synchronous function `calls` times. */
export function calling(work, calls = 1) {
  return () => {
    const start = clock();
    for (let i = 0; i < calls; i++) work();
    return clock() - start;
  };
}

/** Lets the engine compile `work` with its optimizing compiler. */
export async function warmUp(work, milliseconds = 100) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) work();
  await new Promise((resolve) => setTimeout(resolve, 20));
}

const json = process.argv.includes("--json");

/** Prints a message that is not a result: with --json, to standard error. */
export const say = (text) => (json ? console.error : console.log)(text);

/**
 * Prints rows under their headings, right-aligned except for the first column; with --json, each row as a JSON object.
 * @param {string[]} headings keys of the object; an empty one becomes "what"
 * @param {unknown[][]} rows a cell is a value, or [value, a function that formats it]
 */
export function table(title, headings, rows) {
  if (json) {
    for (const row of rows) {
      const cells = row.map((cell) => (Array.isArray(cell) ? cell[0] : cell));
      const entries = headings.map((heading, i) => [heading || "what", cells[i]]);
      console.log(JSON.stringify({ table: title, ...Object.fromEntries(entries.filter(([, cell]) => cell !== "")) }));
    }
    return;
  }
  const shown = rows.map((row) => row.map((cell) => (Array.isArray(cell) ? cell[1](cell[0]) : cell)));
  const cells = [headings, ...shown].map((row) => headings.map((_, i) => String(row[i] ?? "")));
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  console.log(`\n${title}`);
  for (const row of cells) {
    console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
  }
}

export const percent = (x) => `${(100 * x).toFixed(0)} %`;
export const times = (x) => `${x.toFixed(2)} ×`;
export const verdict = (found, wanted) => (found >= wanted ? "yes" : "NO");
