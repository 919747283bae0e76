// The kernels of the recurrent cells against the float64 reference, which runs each sequence alone: sequences of equal and
// unequal length, read forward and backward, with gradients of the initial states and from the last ones.

import { describe, expect, it } from "vitest";
import { statesBefore, stepTable } from "../src/nn/steps.js";
import { difference, Harness, variants } from "./kernel-harness.js";
import * as reference from "./reference.js";
import { add, type Matrix, multiply, randomMatrix, randomNumbers, zeros } from "./reference.js";

const pad = (n: number) => Math.ceil(n / 4) * 4;
const sumOfRows = (rows: Matrix): Matrix => multiply([rows.map(() => 1)], rows);
const CODES = { tanh: 0, relu: 1 };

/** Each gate on whole vectors of its own, and back; the padding between must be zero. */
const spread = (rows: Matrix, H: number): Matrix =>
  rows.map((row) =>
    Array.from({ length: (row.length / H) * pad(H) }, (_, j) => {
      const column = j % pad(H);
      return column < H ? row[Math.floor(j / pad(H)) * H + column]! : 0;
    }),
  );
const gather = (rows: Matrix, H: number): Matrix =>
  rows.map((row) =>
    row.filter((x, j) => {
      if (j % pad(H) >= H) expect(x, "padding between gates").toBe(0);
      return j % pad(H) < H;
    }),
  );

/** Rows at each step of sequences of these lengths, the longest first. */
const countsOf = (lengths: readonly number[]): number[] =>
  Array.from({ length: lengths[0]! }, (_, t) => lengths.filter((length) => length > t).length);

interface Problem {
  lengths: readonly number[];
  H: number;
  gates: number;
  /** Packed rows: inputs and gradients from above. */
  z: Matrix;
  dh: Matrix;
  h0: Matrix;
  c0: Matrix;
  dcT: Matrix;
  Wh: Matrix;
}

/** Runs one sequence at a time, and collects packed rows of what the reference returns for each step, and sums of dWh. */
function alone(
  { lengths, z, dh, h0, c0, dcT }: Problem,
  backward: boolean,
  run: (z: Matrix[], dh: Matrix[], h0: Matrix, c0: Matrix, dcT: Matrix) => Record<string, Matrix[] | Matrix>,
) {
  const starts: number[] = [];
  countsOf(lengths).reduce((start, count) => {
    starts.push(start);
    return start + count;
  }, 0);
  const packed: Record<string, Matrix> = {};
  for (const [b, length] of lengths.entries()) {
    const rows = Array.from({ length }, (_, t) => starts[t]! + b);
    if (backward) rows.reverse();
    const pick = (matrix: Matrix) => rows.map((row) => [matrix[row]!]);
    const result = run(pick(z), pick(dh), [h0[b]!], [c0[b]!], [dcT[b]!]);
    for (const [name, value] of Object.entries(result)) {
      packed[name] ??= [];
      if (name === "dWh") packed[name] = packed[name].length ? add(packed[name], value as Matrix) : (value as Matrix);
      else if (name.endsWith("0")) packed[name][b] = value[0] as number[];
      else for (const [n, row] of rows.entries()) packed[name][row] = (value as Matrix[])[n]![0]!;
    }
  }
  return packed;
}

describe.each(variants)("recurrent cells, %s kernels", (variant) => {
  const random = randomNumbers(7);

  const LENGTHS = [[1], [4, 4, 4], [9, 6, 6, 3, 1], [5, 5, 5, 4, 1, 1, 1], [2, 1], new Array(130).fill(2), [50, 1]];
  const WIDTHS = [5, 1, 3, 33, 16, 20, 7];
  const cases = LENGTHS.flatMap((lengths, i) =>
    [false, true].map((backward) => ({ lengths, H: WIDTHS[i]!, backward })),
  );

  const problem = (lengths: readonly number[], H: number, gates: number): Problem => {
    const [rows, B] = [lengths.reduce((a, b) => a + b), lengths.length];
    return {
      lengths,
      H,
      gates,
      z: randomMatrix(random, rows, gates * H),
      dh: randomMatrix(random, rows, H),
      h0: randomMatrix(random, B, H),
      c0: randomMatrix(random, B, H),
      dcT: randomMatrix(random, B, H),
      Wh: randomMatrix(random, H, gates * H, 1 / Math.sqrt(H)),
    };
  };

  /** Sets up a case for a cell: a memory with weights, states, table and gradients. */
  const setUp = async ({ lengths, H, gates, z, dh, h0, Wh }: Problem, backward: boolean) => {
    const m = await Harness.create(variant);
    const N = gates * pad(H);
    const table = stepTable(countsOf(lengths), backward, true);
    const W = m.matrix(spread(Wh, H));
    const packed = (transposed: boolean) => {
      const P = m.room(transposed ? m.kernels.packedSize(N, H) : m.kernels.packedSize(H, N));
      if (transposed) m.kernels.packT(P, W, N, H);
      else m.kernels.pack(P, W, H, N);
      return P;
    };
    const [B, rows] = [lengths.length, z.length];
    const h = m.matrix([...h0, ...zeros(rows, H)]);
    return {
      ...{ m, N, B, rows, h, table: m.integers([...table]), S: table.length / 4 - 1 },
      gates: m.matrix(spread(z, H)),
      Wh: packed(false),
      WhT: packed(true),
      dh: m.matrix([...zeros(B, H), ...dh]),
      /** δWh = Σ h_{t-1}ᵀ·δu_t, as the layers compute it. */
      weightGradient(du: number): Matrix {
        const before = m.room(rows * pad(H));
        m.kernels.gather(before, h, 0, m.integers([...statesBefore(table, rows)]), rows, H);
        const dWh = m.matrix(zeros(H, N));
        m.kernels.aTb(dWh, before, du, H, N, rows, m.room(m.kernels.aTbScratch(H, N)));
        return gather(m.read(dWh, H, N), H);
      },
    };
  };
  const near = (found: Matrix, expected: Matrix | undefined, what: string, scale?: number) =>
    expect(difference(found, expected!, scale), what).toBeLessThan(5e-6);
  const norms = (found: number[], dht: Matrix) =>
    expect(Math.sqrt(found.reduce((a, b) => a + b))).toBeCloseTo(Math.hypot(...dht.flat()), 3);

  it.each([
    ...cases.map((c) => ({ ...c, activation: "tanh" as const })),
    ...cases.map((c) => ({ ...c, activation: "relu" as const })),
  ])("RNN, $activation, lengths $lengths, H $H, backward $backward: within 5e-6", async (c) => {
    const p = problem(c.lengths, c.H, 1);
    const { H, Wh } = p;
    const expected = alone(p, c.backward, (z, dh, h0) => {
      const h = reference.rnnForward(z, h0, Wh, c.activation);
      const { norms, ...rest } = reference.rnnBackward(dh, h, Wh, c.activation);
      return { h: h.slice(1), norms: norms.map((norm) => [[norm]]), ...rest };
    });
    const { m, N, B, rows, table, S, ...at } = await setUp(p, c.backward);
    const step = 4 * B * pad(H);
    m.floats(at.h + step, rows * pad(H)).set(m.floats(at.gates, rows * pad(H)));
    m.kernels.rnnForward(at.h, at.Wh, table, H, CODES[c.activation]);
    near(m.read(at.h + step, rows, H), expected.h, "h", 1);
    const [b, squares] = [randomMatrix(random, 1, H), m.doubles(S)];
    const db = m.matrix(b);
    m.kernels.rnnBackward(at.dh, db, at.h, at.WhT, squares, table, H, CODES[c.activation]);
    near(m.read(at.dh + step, rows, H), expected.dz, "dz");
    near(m.read(at.dh, B, H), expected.dh0, "dh0");
    near(m.read(db, 1, H), add(b, sumOfRows(expected.dz!)), "db");
    near(at.weightGradient(at.dh + step), expected.dWh, "dWh");
    norms(m.readDoubles(squares, S), expected.norms!);
    m.checkGuards();
  });

  it.each(cases)(
    "LSTM, lengths $lengths, H $H, backward $backward: within 5e-6",
    async ({ lengths, backward, ...c }) => {
      const p = problem(lengths, c.H, 4);
      const { H, Wh } = p;
      const expected = alone(p, backward, (z, dh, h0, c0, dcT) => {
        const forward = reference.lstmForward(z, h0, c0, Wh);
        const { norms, ...rest } = reference.lstmBackward(dh, forward, Wh, dcT);
        return { h: forward.h.slice(1), c: forward.c.slice(1), norms: norms.map((norm) => [[norm]]), ...rest };
      });
      const { m, N, B, rows, table, S, ...at } = await setUp(p, backward);
      const step = 4 * B * pad(H);
      const [states, tc] = [m.matrix([...p.c0, ...zeros(rows, H)]), m.room(rows * pad(H))];
      m.kernels.lstmForward(at.h, states, tc, at.gates, at.Wh, table, H);
      near(m.read(at.h + step, rows, H), expected.h, "h", 1);
      near(m.read(states + step, rows, H), expected.c, "c", 1);
      const [b, squares, dc] = [randomMatrix(random, 1, 4 * H), m.doubles(S), m.matrix(p.dcT)];
      const db = m.matrix(spread(b, H));
      m.kernels.lstmBackward(at.gates, db, at.dh, dc, states, tc, at.WhT, squares, table, H);
      near(gather(m.read(at.gates, rows, N), H), expected.dz, "dz");
      near(m.read(at.dh, B, H), expected.dh0, "dh0");
      near(m.read(dc, B, H), expected.dc0, "dc0");
      near(gather(m.read(db, 1, N), H), add(b, sumOfRows(expected.dz!)), "db");
      near(at.weightGradient(at.gates), expected.dWh, "dWh");
      norms(m.readDoubles(squares, S), expected.norms!);
      m.checkGuards();
    },
  );

  it.each(cases)(
    "GRU, lengths $lengths, H $H, backward $backward: within 5e-6",
    async ({ lengths, backward, ...c }) => {
      const p = problem(lengths, c.H, 3);
      const { H, Wh } = p;
      const bh = randomMatrix(random, 1, 3 * H);
      const expected = alone(p, backward, (z, dh, h0) => {
        const forward = reference.gruForward(z, h0, Wh, bh[0]!);
        const { norms, ...rest } = reference.gruBackward(dh, forward, Wh);
        return { h: forward.h.slice(1), norms: norms.map((norm) => [[norm]]), ...rest };
      });
      const { m, N, B, rows, table, S, ...at } = await setUp(p, backward);
      const step = 4 * B * pad(H);
      const u = m.room(rows * N);
      m.kernels.gruForward(at.h, at.gates, u, at.Wh, m.matrix(spread(bh, H)), table, H);
      near(m.read(at.h + step, rows, H), expected.h, "h", 1);
      const [b, squares] = [randomMatrix(random, 2, 3 * H), m.doubles(S)];
      const [db, dbh] = [m.matrix(spread([b[0]!], H)), m.matrix(spread([b[1]!], H))];
      m.kernels.gruBackward(at.gates, u, db, dbh, at.dh, at.h, at.WhT, squares, table, H);
      near(gather(m.read(at.gates, rows, N), H), expected.da, "da");
      near(gather(m.read(u, rows, N), H), expected.du, "du");
      near(m.read(at.dh, B, H), expected.dh0, "dh0");
      near(gather(m.read(db, 1, N), H), add([b[0]!], sumOfRows(expected.da!)), "db");
      near(gather(m.read(dbh, 1, N), H), add([b[1]!], sumOfRows(expected.du!)), "dbh");
      near(at.weightGradient(u), expected.dWh, "dWh");
      norms(m.readDoubles(squares, S), expected.norms!);
      m.checkGuards();
    },
  );

  it("a sequence in chunks, its state carried, has the bits of the whole; so has each in a batch of other lengths", async () => {
    const [H, Wh] = [5, randomMatrix(random, 5, 5)];
    const run = async (counts: number[], z: Matrix, h0: Matrix, backward = false) => {
      const m = await Harness.create(variant);
      const h = m.matrix([...h0, ...z]);
      const packed = m.room(m.kernels.packedSize(H, pad(H)));
      m.kernels.pack(packed, m.matrix(Wh), H, pad(H));
      m.kernels.rnnForward(h, packed, m.integers([...stepTable(counts, backward, false)]), H, 0);
      return m.read(h, h0.length + z.length, H).slice(h0.length);
    };
    const [z, h0] = [randomMatrix(random, 21, H), randomMatrix(random, 3, H)];
    const whole = await run(new Array(7).fill(3), z, h0);
    const first = await run([3, 3, 3], z.slice(0, 9), h0);
    const second = await run([3, 3, 3, 3], z.slice(9), first.slice(-3));
    expect([...first, ...second]).toEqual(whole);
    // Of lengths 4, 2, 1, in either direction.
    for (const backward of [false, true]) {
      const packed = await run([3, 2, 1, 1], z.slice(0, 7), h0, backward);
      for (const [b, rows] of [[0, 3, 5, 6], [1, 4], [2]].entries()) {
        const pick = (matrix: Matrix) => rows.map((row) => matrix[row]!);
        expect(
          await run(
            rows.map(() => 1),
            pick(z),
            [h0[b]!],
            backward,
          ),
        ).toEqual(pick(packed));
      }
    }
  });

  it("initial states without a gradient are left alone", async () => {
    const p = problem([3, 2], 4, 1);
    const { m, ...at } = await setUp(p, false);
    const table = m.integers([...stepTable([2, 2, 1], false, false)]);
    m.kernels.rnnForward(at.h, at.Wh, table, 4, 0);
    m.kernels.rnnBackward(at.dh, m.matrix(zeros(1, 4)), at.h, at.WhT, 0, table, 4, 0);
    expect(m.read(at.dh, 2, 4)).toEqual(zeros(2, 4));
  });

  it("ReLU keeps NaN", async () => {
    const m = await Harness.create(variant);
    const h = m.matrix([[0], [Number.NaN]]);
    m.kernels.rnnForward(h, m.matrix([[0]]), m.integers([...stepTable([1], false, false)]), 1, 1);
    expect(m.floats(h + 16, 1)[0]).toBeNaN();
  });
});
