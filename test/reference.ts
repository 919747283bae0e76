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

/** From ∂L/∂h_t as the layers above have it: ∂L/∂z_t, ∂L/∂Wh, and ‖∂L/∂h_t‖ in full. */
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
  return { dz, dWh, norms };
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
