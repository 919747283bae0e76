// Measures the peak rate of 128-bit multiply-adds in registers: independent chains c = a·c + b, enough of them to cover
// the latency of both operations, few enough for sixteen registers. The best number of chains depends on the processor
// and on the engine's scheduling, so the fastest of several is used.
import asc from "assemblyscript/asc";

const COUNTS = [8, 10, 11, 12];

const source = (count) => {
  const chains = Array.from({ length: count }, (_, i) => `c${i}`);
  return `
export function chains${count}(n: i32, x: f32, y: f32): f32 {
  const a = f32x4.splat(x), b = f32x4.splat(y);
  ${chains.map((c, i) => `let ${c} = f32x4.splat(y * ${i});`).join(" ")}
  for (let i = 0; i < n; i++) {
    ${chains.map((c) => `${c} = madd(a, ${c}, b);`).join("\n    ")}
  }
  return ${chains.map((c) => `f32x4.extract_lane(${c}, 0)`).join(" + ")};
}`;
};

/** Returns contestants: [{ name, flops, work }], with flops per call of work. */
export async function probes(variant) {
  const madd = `function madd(a: v128, x: v128, b: v128): v128 {
    return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, x, b) : f32x4.add(b, f32x4.mul(a, x));
  }`;
  const files = { "probe.ts": madd + COUNTS.map(source).join("") };
  const features = variant === "strict" ? "simd" : "simd,relaxed-simd";
  const { error, stderr } = await asc.main(
    ["probe.ts", "--outFile", "probe.wasm", "-O3", "--noAssert", "--runtime", "stub", "--enable", features],
    {
      readFile: (name) => files[name] ?? null,
      writeFile: (name, contents) => {
        files[name] = contents;
      },
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`cannot compile the probe: ${stderr}`);
  const { instance } = await WebAssembly.instantiate(files["probe.wasm"]);
  const n = 20_000;
  return COUNTS.map((count) => ({
    name: `${count} chains`,
    flops: n * count * 8,
    work: () => instance.exports[`chains${count}`](n, 0.99, 0.01),
  }));
}
