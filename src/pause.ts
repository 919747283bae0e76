// Long computations yield to the event loop from time to time, so that pages stay responsive and signals and aborts arrive.

/** Returns the time in milliseconds, by the best available clock. */
export const now = (): number => (globalThis.performance ?? Date).now();

/** Returns the number of things per second, or 0 if the clock stood still. */
export const perSecond = (things: number, seconds: number): number => (seconds > 0 ? things / seconds : 0);

/** Milliseconds of work between two yields. */
const EVERY = 20;

/**
 * Returns a function to await often: most calls return immediately, and one every 20 ms yields to the event loop.
 * @param calls yields after this many calls if the clock stands still, as in Cloudflare Workers between I/O operations
 */
export function pause(calls = 16): () => Promise<void> | undefined {
  let last = now();
  let since = 0;
  return () => {
    since++;
    const elapsed = now() - last;
    if (elapsed < EVERY && (elapsed > 0 || since < calls)) return undefined;
    return turn().then(() => {
      last = now();
      since = 0;
    });
  };
}

/**
 * Yields to the event loop by a message to itself: setTimeout takes at least 1 ms (4 ms in pages), and setImmediate is missing
 * or a stub in most environments. The ports are closed, since an open port keeps the process alive.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    const ports = channel();
    if (!ports) {
      setTimeout(resolve, 0);
      return;
    }
    ports.port1.onmessage = () => {
      ports.port1.close();
      resolve();
    };
    ports.port2.postMessage(undefined);
  });
}

/** Returns undefined if there is no MessageChannel, or only a stub that throws, as in Next's edge routes. */
function channel(): MessageChannel | undefined {
  try {
    return new MessageChannel();
  } catch {
    return undefined;
  }
}

/** Returns true if the clock advances during computation. If it does not, finding out takes 0.2 s or more. */
export function clockMoves(): boolean {
  const start = now();
  let x = 1;
  for (let i = 0; i < 2000; i++) {
    if (now() !== start) return true;
    // Takes 0.1 ms; the result is used below, so that the engine cannot remove the loop.
    for (let j = 0; j < 100_000; j++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  }
  return now() !== start || x === 0.5;
}
