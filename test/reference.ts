// The mathematics in plain double precision, as the equations have it: slow, short, and independent of assembly/.
// Matrices are arrays of rows. test/reference.test.ts checks its gradients numerically.

export type Matrix = number[][];

export const zeros = (rows: number, columns: number): Matrix =>
  Array.from({ length: rows }, () => new Array<number>(columns).fill(0));

export const transpose = (A: Matrix): Matrix => (A[0] ?? []).map((_, j) => A.map((row) => row[j]!));

export const multiply = (A: Matrix, B: Matrix): Matrix =>
  A.map((row) => (B[0] ?? []).map((_, j) => row.reduce((sum, a, k) => sum + a * B[k]![j]!, 0)));

export const add = (A: Matrix, B: Matrix): Matrix => A.map((row, i) => row.map((a, j) => a + B[i]![j]!));

/** A 32-bit generator, so that tests are the same every time (mulberry32). */
export function randomNumbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Uniform in ±scale, rounded to what a float holds. */
export function randomMatrix(random: () => number, rows: number, columns: number, scale = 1): Matrix {
  return zeros(rows, columns).map((row) => row.map(() => Math.fround((2 * random() - 1) * scale)));
}

export const activations = {
  tanh: { f: Math.tanh, fromOutput: (h: number) => 1 - h * h },
  relu: { f: (z: number) => Math.max(0, z), fromOutput: (h: number) => (h > 0 ? 1 : 0) },
};

/** h_t = φ(z_t + h_{t-1}·Wh), where z holds x·Wx + b. Returns h_0 … h_T, each (B, H). */
export function rnnForward(z: Matrix[], h0: Matrix, Wh: Matrix, activation: keyof typeof activations): Matrix[] {
  const h = [h0];
  for (const zt of z) {
    h.push(add(zt, multiply(h.at(-1)!, Wh)).map((row) => row.map(activations[activation].f)));
  }
  return h;
}

/** From ∂L/∂h_t as the layers above have it: ∂L/∂z_t, ∂L/∂Wh, ∂L/∂h_0, and ‖∂L/∂h_t‖ in full. */
export function rnnBackward(dh: Matrix[], h: Matrix[], Wh: Matrix, activation: keyof typeof activations) {
  const T = dh.length;
  const dz: Matrix[] = new Array(T);
  const norms: number[] = new Array(T);
  let dWh = zeros(Wh.length, Wh.length);
  for (let t = T - 1; t >= 0; t--) {
    const total = t === T - 1 ? dh[t]! : add(dh[t]!, multiply(dz[t + 1]!, transpose(Wh)));
    norms[t] = Math.hypot(...total.flat());
    dz[t] = total.map((row, b) => row.map((d, j) => d * activations[activation].fromOutput(h[t + 1]![b]![j]!)));
    dWh = add(dWh, multiply(transpose(h[t]!), dz[t]!));
  }
  return { dz, dWh, dh0: multiply(dz[0]!, transpose(Wh)), norms };
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** f of the elements at the same place in all matrices. */
const map = (f: (...x: number[]) => number, ...matrices: Matrix[]): Matrix =>
  matrices[0]!.map((row, i) => row.map((_, j) => f(...matrices.map((matrix) => matrix[i]![j]!))));

/** The gates of a matrix whose columns are gate after gate. */
const split = (z: Matrix, H: number): Matrix[] =>
  Array.from({ length: z[0]!.length / H }, (_, g) => z.map((row) => row.slice(g * H, (g + 1) * H)));

const join = (gates: Matrix[]): Matrix => gates[0]!.map((_, b) => gates.flatMap((gate) => gate[b]!));

/** LSTM, gates i, f, g, o side by side in z = x·Wx + b: h_0 … h_T, c_0 … c_T, and the gates of each step. */
export function lstmForward(z: Matrix[], h0: Matrix, c0: Matrix, Wh: Matrix) {
  const [h, c] = [[h0], [c0]];
  const gates: Matrix[][] = [];
  for (const zt of z) {
    const [zi, zf, zg, zo] = split(add(zt, multiply(h.at(-1)!, Wh)), h0[0]!.length) as [Matrix, Matrix, Matrix, Matrix];
    const [i, f, g, o] = [map(sigmoid, zi), map(sigmoid, zf), map(Math.tanh, zg), map(sigmoid, zo)];
    gates.push([i, f, g, o]);
    c.push(map((ft, ct, it, gt) => ft * ct + it * gt, f, c.at(-1)!, i, g));
    h.push(map((ot, ct) => ot * Math.tanh(ct), o, c.at(-1)!));
  }
  return { h, c, gates };
}

/**
 * From ∂L/∂h_t as the layers above have it, and ∂L/∂c_T: ∂L/∂z_t, ∂L/∂Wh, ∂L/∂h_0, ∂L/∂c_0, and ‖∂L/∂h_t‖ in full.
 */
export function lstmBackward(
  dh: Matrix[],
  { h, c, gates }: ReturnType<typeof lstmForward>,
  Wh: Matrix,
  dcT: Matrix = map(() => 0, dh[0]!),
) {
  const T = dh.length;
  const dz: Matrix[] = new Array(T);
  const norms: number[] = new Array(T);
  let dWh = map(() => 0, Wh);
  let dc = dcT;
  for (let t = T - 1; t >= 0; t--) {
    const [i, f, g, o] = gates[t] as [Matrix, Matrix, Matrix, Matrix];
    const dht = t === T - 1 ? dh[t]! : add(dh[t]!, multiply(dz[t + 1]!, transpose(Wh)));
    norms[t] = Math.hypot(...dht.flat());
    dc = map((d, dhx, ox, cx) => d + dhx * ox * (1 - Math.tanh(cx) ** 2), dc, dht, o, c[t + 1]!);
    dz[t] = join([
      map((d, gx, ix) => d * gx * ix * (1 - ix), dc, g, i),
      map((d, cx, fx) => d * cx * fx * (1 - fx), dc, c[t]!, f),
      map((d, ix, gx) => d * ix * (1 - gx * gx), dc, i, g),
      map((d, cx, ox) => d * Math.tanh(cx) * ox * (1 - ox), dht, c[t + 1]!, o),
    ]);
    dc = map((d, fx) => d * fx, dc, f);
    dWh = add(dWh, multiply(transpose(h[t]!), dz[t]!));
  }
  return { dz, dWh, dh0: multiply(dz[0]!, transpose(Wh)), dc0: dc, norms };
}

/** GRU with the reset after the product, gates r, z, n side by side in a = x·Wx + b; bh: the bias of h·Wh. */
export function gruForward(a: Matrix[], h0: Matrix, Wh: Matrix, bh: number[]) {
  const h = [h0];
  const gates: Matrix[][] = [];
  for (const at of a) {
    const H = h0[0]!.length;
    const u = multiply(h.at(-1)!, Wh).map((row) => row.map((x, j) => x + bh[j]!));
    const [ar, az, an] = split(at, H) as [Matrix, Matrix, Matrix];
    const [ur, uz, un] = split(u, H) as [Matrix, Matrix, Matrix];
    const r = map((x, y) => sigmoid(x + y), ar, ur);
    const z = map((x, y) => sigmoid(x + y), az, uz);
    const n = map((x, rx, y) => Math.tanh(x + rx * y), an, r, un);
    gates.push([r, z, n, un]);
    h.push(map((zx, nx, hx) => (1 - zx) * nx + zx * hx, z, n, h.at(-1)!));
  }
  return { h, gates };
}

/** From ∂L/∂h_t as the layers above have it: ∂L/∂a_t, ∂L/∂(h·Wh), ∂L/∂Wh, ∂L/∂h_0, and ‖∂L/∂h_t‖ in full. */
export function gruBackward(dh: Matrix[], { h, gates }: ReturnType<typeof gruForward>, Wh: Matrix) {
  const T = dh.length;
  const [da, du]: [Matrix[], Matrix[]] = [new Array(T), new Array(T)];
  const norms: number[] = new Array(T);
  let dWh = map(() => 0, Wh);
  let later = map(() => 0, dh[0]!);
  for (let t = T - 1; t >= 0; t--) {
    const [r, z, n, un] = gates[t] as [Matrix, Matrix, Matrix, Matrix];
    const dht = add(dh[t]!, later);
    norms[t] = Math.hypot(...dht.flat());
    const dan = map((d, zx, nx) => d * (1 - zx) * (1 - nx * nx), dht, z, n);
    const daz = map((d, hx, nx, zx) => d * (hx - nx) * zx * (1 - zx), dht, h[t]!, n, z);
    const dar = map((d, ux, rx) => d * ux * rx * (1 - rx), dan, un, r);
    da[t] = join([dar, daz, dan]);
    du[t] = join([dar, daz, map((d, rx) => d * rx, dan, r)]);
    dWh = add(dWh, multiply(transpose(h[t]!), du[t]!));
    later = add(
      multiply(du[t]!, transpose(Wh)),
      map((d, zx) => d * zx, dht, z),
    );
  }
  return { da, du, dWh, dh0: later, norms };
}

/** Σ −log softmax(o)_y over the rows, and its gradient; a row whose target is −1 counts for nothing. */
export function softmaxCrossEntropy(o: Matrix, targets: number[]): { loss: number; gradient: Matrix } {
  let loss = 0;
  const gradient = o.map((row, i) => {
    const y = targets[i]!;
    if (y < 0) return row.map(() => 0);
    const max = Math.max(...row);
    const exponentials = row.map((x) => Math.exp(x - max));
    const sum = exponentials.reduce((a, b) => a + b, 0);
    loss += max + Math.log(sum) - row[y]!;
    return exponentials.map((e, j) => e / sum - (j === y ? 1 : 0));
  });
  return { loss, gradient };
}
