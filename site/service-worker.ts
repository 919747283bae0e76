// Keeps all files of the site, so that it works without a network once loaded.

declare const FILES: readonly string[];
declare const VERSION: string;

interface Event {
  waitUntil(done: Promise<unknown>): void;
  respondWith(response: Promise<Response>): void;
  readonly request: Request;
}
const worker = globalThis as unknown as {
  addEventListener(name: string, hear: (event: Event) => void): void;
  clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
};
const NAME = `rivulet-${VERSION}`;

worker.addEventListener("install", (event) =>
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(FILES))
      .then(() => worker.skipWaiting()),
  ),
);

worker.addEventListener("activate", (event) =>
  event.waitUntil(
    caches
      .keys()
      .then((names) =>
        Promise.all(
          names.filter((name) => name.startsWith("rivulet-") && name !== NAME).map((name) => caches.delete(name)),
        ),
      )
      .then(() => worker.clients.claim()),
  ),
);

worker.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET") return;
  // A link to the lab has settings behind its "#" only, but hosts and people add "?…".
  event.respondWith(
    caches
      .open(NAME)
      .then((cache) => cache.match(event.request, { ignoreSearch: true }))
      .then((kept) => kept ?? fetch(event.request)),
  );
});
