// The ABI of assembly/index.ts. Pointers are byte offsets into the memory; all other arguments are counts and numbers.
// test/kernels.test.ts checks that the two sides agree.

export interface Kernels {
  heapBase(): number;

  pack(P: number, B: number, K: number, N: number): void;
  packT(P: number, B: number, K: number, N: number): void;
  packedSize(K: number, N: number): number;
  packedIndex(k: number, n: number, K: number, N: number): number;
  multiply(C: number, A: number, P: number, M: number, N: number, K: number): void;
  affine(C: number, b: number, A: number, P: number, M: number, N: number, K: number): void;
  aTb(C: number, A: number, B: number, M: number, N: number, K: number, scratch: number): void;
  aTbScratch(M: number, N: number): number;

  tanh(out: number, x: number, n: number): void;
  sigmoid(out: number, x: number, n: number): void;
  exp(out: number, x: number, n: number): void;

  biasBackward(db: number, dy: number, n: number, width: number): void;
  bagForward(y: number, W: number, ids: number, starts: number, rows: number, width: number): void;
  bagBackward(dW: number, dy: number, ids: number, starts: number, rows: number, width: number): void;
  gather(e: number, W: number, b: number, ids: number, n: number, width: number): void;
  scatterAdd(dW: number, de: number, ids: number, n: number, width: number): void;
  maxPool(y: number, at: number, x: number, ids: number, n: number, width: number): void;
  maxPoolBackward(dx: number, dy: number, at: number, B: number, width: number): void;
  dropout(y: number, x: number, seed: number, threshold: number, scale: number, n: number): void;

  rnnForward(h: number, Wh: number, steps: number, H: number, activation: number): void;
  rnnBackward(
    dz: number,
    db: number,
    h: number,
    WhT: number,
    norms: number,
    steps: number,
    H: number,
    activation: number,
  ): void;
  lstmForward(h: number, c: number, tc: number, z: number, Wh: number, steps: number, H: number): void;
  lstmBackward(
    z: number,
    db: number,
    dh: number,
    dc: number,
    c: number,
    tc: number,
    WhT: number,
    norms: number,
    steps: number,
    H: number,
  ): void;
  gruForward(h: number, a: number, u: number, Wh: number, bh: number, steps: number, H: number): void;
  gruBackward(
    a: number,
    u: number,
    db: number,
    dbh: number,
    dh: number,
    h: number,
    WhT: number,
    norms: number,
    steps: number,
    H: number,
  ): void;

  softmaxCrossEntropy(o: number, scratch: number, targets: number, rows: number, V: number, scale: number): number;
  weightedCrossEntropy(
    o: number,
    scratch: number,
    targets: number,
    weights: number,
    rows: number,
    V: number,
    scale: number,
    smoothing: number,
  ): number;
  sigmoidCrossEntropy(o: number, y: number, rows: number, V: number, scale: number): number;
  logLikelihood(logP: number, o: number, targets: number, rows: number, V: number): void;
  logSoftmax(logP: number, o: number, V: number): void;

  addSquares(sum: number, g: number, spans: number, n: number): number;
  scale(g: number, s: number, spans: number, n: number): void;
  sgd(p: number, g: number, v: number, eta: number, mu: number, spans: number, n: number): void;
  adamw(
    p: number,
    g: number,
    m: number,
    v: number,
    beta1: number,
    beta2: number,
    decay: number,
    step: number,
    root: number,
    epsilon: number,
    spans: number,
    n: number,
  ): void;
}
