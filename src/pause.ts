// Long computations give the event loop a turn now and then: pages stay live, signals and aborts arrive.

/** A function to await often: most calls return at once, one every `every` milliseconds after a turn of the event loop. */
export function pause(every = 20): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < every) return undefined;
    return turn().then(() => {
      last = performance.now();
    });
  };
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    // setTimeout waits for a millisecond at least, in pages for four; setImmediate, where there is one, does not.
    const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => void };
    if (setImmediate) setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
}
