// Generates the inner loops of the matrix product, which assembly/matmul.ts calls: one pattern, unrolled in rows,
// columns and depth. The output (build/tiles.ts) is too long to read and too repetitive to maintain by hand.
//
// The standard tile is 2 rows × 16 columns, 8 accumulators: 2 loads that splat A, 4 loads of B and 8 multiply-adds per
// step. With 128 bits it is as fast as 4×8, and engines that fuse adjacent 128-bit operations into 256-bit ones can
// double its speed. Narrower panels cover the rest of a row.
//
// A processor that issues six instructions per cycle and needs four cycles for the 22 of a step has few slots left, so
// eight steps share one loop count: 98 % of the multiply-add peak on Zen 4 (Node 20), where the loop that V8 makes of a
// single step reaches 90 %. The exits between the steps are needed for depths that are not multiples of eight, but not
// only for these: without them, V8 orders the eight steps by accumulator and spills all of them.
//
// An engine that fuses into 256 bits, for which the wide build is made, has room for 8 accumulators of 256 bits: 4 rows
// × 16 columns (Zen 4, Node 26, fused multiply-add: 102 GFLOPS; 2×16, limited by the latency of four accumulators: 62;
// 128 bits: 55).
//
// A single row, as in text generation, has no second row to share the loads of B with: adjacent panels keep as many
// accumulators busy.

/** Rows of the tile, by the width of the panel. For Aᵀ by columns, the padding allows at most four. */
const NARROW = { rows: { 16: 2, 12: 2, 8: 4, 4: 4 }, columns: { 16: 2, 12: 2, 8: 4, 4: 4 }, row: { 32: 1 } };
const ROWS = {
  strict: NARROW,
  relaxed: NARROW,
  wide: { rows: { 16: 4, 12: 4, 8: 8, 4: 8 }, columns: { 16: 4, 12: 4, 8: 4, 4: 4 }, row: { 64: 1 } },
};
const STEPS = 8;

const upTo = (n) => Array.from({ length: n }, (_, i) => i);

/** Start of row r of a tile; a row past the last repeats the last one. */
const row = (r, name, base, stride) =>
  r === 0 ? `${base} + <usize>i * ${stride}` : `${name}${r - 1} + (i + ${r} < M ? ${stride} : 0)`;

/** Indices of the 16-column panels after the first. */
const besides = (columns) => upTo(columns / 16).slice(1);

/**
 * The ways to read the matrices. rows: A by rows, B packed, sums starting from S. columns: both in place, A by columns,
 * sums starting from C. row: one row of A, adjacent panels of B.
 */
const READINGS = {
  rows: {
    operands: "S: usize, sStride: usize, A: usize, aStride: usize, B: usize",
    first: "s",
    start: (r) => `const s${r} = ${row(r, "s", "S", "sStride")}; let a${r} = ${row(r, "a", "A", "aStride")};`,
    a: (r, step) => `a${r}, ${4 * step}`,
    b: (v, step, columns) => `b, ${4 * columns * step + 16 * v}`,
    afterStep: "",
    afterRound: (rows, columns) =>
      `${rows.map((r) => `a${r} += ${4 * STEPS};`).join(" ")} b += ${4 * columns * STEPS};`,
  },
  columns: {
    operands: "A: usize, aStride: usize, B: usize, bStride: usize",
    first: "c",
    // Columns past the last are A's padding.
    start: (r) => (r === 0 ? "let a = A + ((<usize>i) << 2);" : ""),
    a: (r) => `a, ${4 * r}`,
    b: (v) => `b, ${16 * v}`,
    afterStep: "a += aStride; b += bStride;",
    afterRound: () => "",
  },
  row: {
    operands: "S: usize, sStride: usize, A: usize, aStride: usize, B: usize",
    first: "s",
    start: (_, panels) =>
      `const s0 = S; let a0 = A; const panel = <usize>K << 6; ${panels.map((p) => `let b${p} = B + ${p} * panel;`).join(" ")}`,
    a: (_, step) => `a0, ${4 * step}`,
    b: (v, step) => `b${v < 4 ? "" : v >> 2}, ${64 * step + 16 * (v % 4)}`,
    afterStep: "",
    afterRound: (_, columns) =>
      `a0 += ${4 * STEPS}; b += ${64 * STEPS}; ${besides(columns)
        .map((p) => `b${p} += ${64 * STEPS};`)
        .join(" ")}`,
  },
};

function panel(reading, columns, height) {
  const { operands, first, start, a, b, afterStep, afterRound } = READINGS[reading];
  const rows = upTo(height);
  const vectors = upTo(columns / 4);
  const forTile = (rows, line) => rows.flatMap((r) => vectors.map((v) => line(r, v))).join("\n    ");
  const multiplyAdds = (r, k) => {
    if (rows.length > 1) return vectors.map((v) => `c${r}_${v} = madd(x${r}, b${v}, c${r}_${v});`);
    // A single row uses each vector of B once: loaded at its use, it needs no register of its own. The exits between
    // the panels are never taken, since k > 0, but keep V8 from loading all vectors first and spilling.
    const exit = (v) => (v > 0 && v % 4 === 0 ? `if (k === ${-1 - k}) break; ` : "");
    return vectors.map((v) => `${exit(v)}c${r}_${v} = madd(x${r}, v128.load(${b(v, k)}), c${r}_${v});`);
  };
  const step = (k) => `{
        ${rows.length > 1 ? vectors.map((v) => `const b${v} = v128.load(${b(v, k, columns)});`).join(" ") : ""}
        ${rows
          .flatMap((r) => [`const x${r} = v128.load32_splat(${a(r, k)});`, ...multiplyAdds(r, k)])
          .join("\n        ")}
        ${afterStep}
        ${k < STEPS - 1 ? `if (k === ${k + 1}) break;` : ""}
      }`;
  return `
export function ${reading}${columns}(C: usize, cStride: usize, ${operands}, M: i32, K: i32): void {
  for (let i = 0; i < M; i += ${rows.length}) {
    // The last row overwrites what rows past the last have stored.
    ${rows.map((r) => `const c${r} = ${row(r, "c", "C", "cStride")};`).join("\n    ")}
    ${rows.map((r) => start(r, besides(columns))).join("\n    ")}
    ${forTile(rows, (r, v) => `let c${r}_${v} = v128.load(${first}${r}, ${16 * v});`)}
    let b = B;
    let k = K;
    do {
      ${upTo(STEPS).map(step).join("\n      ")}
      ${afterRound(rows, columns)}
      k -= ${STEPS};
    } while (k > 0);
    ${forTile(rows.reverse(), (r, v) => `v128.store(c${r}, c${r}_${v}, ${16 * v});`)}
  }
}
`;
}

/** The source of build/tiles.ts for one build of the kernels: rows16, rows12, rows8, rows4, columns16 and so on. */
export function tiles(build) {
  const panels = Object.entries(ROWS[build]).flatMap(([reading, rows]) =>
    Object.entries(rows).map(([width, height]) => panel(reading, +width, height)),
  );
  const [wide] = Object.keys(ROWS[build].row);
  return `import { madd } from "../assembly/simd";
/** Columns that row() takes at a time. */
export const ROW: i32 = ${wide};
export { row${wide} as row };
${panels.join("")}`;
}
