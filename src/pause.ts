// Long computations yield to the event loop now and then: pages stay live, signals and aborts arrive.

/** The time in milliseconds, by the best clock there is. */
export const now = (): number => (globalThis.performance ?? Date).now();

/** How many things are done in a second; 0 where the clock stood still. */
export const perSecond = (things: number, seconds: number): number => (seconds > 0 ? things / seconds : 0);

/** Milliseconds of work between two turns of the event loop. */
const EVERY = 20;

/**
 * A function to await often: most calls return at once, one every 20 ms after a turn of the event loop.
 * @param calls after how many calls it yields where the clock stands still: Cloudflare Workers stop it between inputs and
 * outputs
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
 * A message to oneself: setTimeout waits for a millisecond at least, in pages for four, and setImmediate is missing in most
 * places and a stub in others. The ports are closed, since an open one keeps a process alive.
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

/** Undefined where there is none, and where it is a stub that throws, as in Next's edge routes. */
function channel(): MessageChannel | undefined {
  try {
    return new MessageChannel();
  } catch {
    return undefined;
  }
}

/** Whether the clock moves while a program computes. Where it does not, finding out takes a fifth of a second or more. */
export function clockMoves(): boolean {
  const start = now();
  let x = 1;
  for (let i = 0; i < 2000; i++) {
    if (now() !== start) return true;
    // A tenth of a millisecond, which no engine can tell to be useless.
    for (let j = 0; j < 100_000; j++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  }
  return now() !== start || x === 0.5;
}
