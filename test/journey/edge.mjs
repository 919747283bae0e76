import { local } from "./local.mjs";

addEventListener("fetch", (event) => event.respondWith(local().then((networks) => Response.json({ networks }))));
