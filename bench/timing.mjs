// Timing on a machine that others use too: every contestant gets a turn in every round, so that all of them meet the same
// weather, and each is judged by its best turn and by its median; one against another by the best turns and, round by
// round, by the median of the ratios.

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
    const start = performance.now();
    for (let i = 0; i < calls; i++) work();
    return (performance.now() - start) / 1000;
  };
}

/** Lets the engine compile `work` with its optimizing compiler. */
export async function warmUp(work, milliseconds = 100) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) work();
  await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Prints rows under their headings, numbers to the right. */
export function table(title, headings, rows) {
  const cells = [headings, ...rows].map((row) => headings.map((_, i) => String(row[i] ?? "")));
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  console.log(`\n${title}`);
  for (const row of cells) {
    console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "));
  }
}

export const percent = (x) => `${(100 * x).toFixed(0)} %`;
export const times = (x) => `${x.toFixed(2)} ×`;
export const verdict = (found, wanted) => (found >= wanted ? "yes" : "NO");
