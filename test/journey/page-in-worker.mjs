// The journey in a module Web Worker of one's own.

new Worker(new URL("./page.mjs", import.meta.url), { type: "module" });
