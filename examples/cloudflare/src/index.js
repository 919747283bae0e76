// The Worker: checks each request before it reaches a session, and answers every error with one sentence in JSON.

import page from "./page.html";

export { Session } from "./session.js";

/** Limits: bytes of a body, characters of a text, tokens of a generation. */
const MOST = { body: 8192, text: 1000, length: 200 };

/** For each path, its methods: functions of the request, the environment and the id in the path. */
const routes = [
  [/^\/$/, { GET: () => new Response(page, { headers: { "content-type": "text/html; charset=utf-8" } }) }],
  [
    /^\/sessions$/,
    { POST: (_, { SESSION }) => Response.json({ id: SESSION.newUniqueId().toString() }, { status: 201 }) },
  ],
  [/^\/sessions\/([^/]+)$/, { DELETE: forget }],
  [/^\/sessions\/([^/]+)\/type$/, { POST: type }],
  [/^\/sessions\/([^/]+)\/suggest$/, { GET: suggest }],
  [/^\/sessions\/([^/]+)\/generate$/, { GET: generate }],
];

export default {
  async fetch(request, env) {
    try {
      return await answer(request, env);
    } catch (error) {
      if (error instanceof Refusal) {
        const { message, status, headers } = error;
        return Response.json({ error: message }, { status, headers });
      }
      console.error(error);
      return Response.json({ error: "something went wrong here: try again" }, { status: 500 });
    }
  },
};

function answer(request, env) {
  const { pathname } = new URL(request.url);
  for (const [pattern, methods] of routes) {
    const match = pattern.exec(pathname);
    if (!match) continue;
    const method = Object.hasOwn(methods, request.method) && methods[request.method];
    if (!method) {
      const allow = Object.keys(methods).join(", ");
      throw new Refusal(405, `${pathname} takes ${allow}, got ${request.method}`, { allow });
    }
    return method(request, env, match[1]);
  }
  throw new Refusal(404, `there is nothing at ${pathname}`);
}

async function type(request, env, id) {
  const session = sessionOf(env, id);
  const { text } = await json(request);
  if (typeof text !== "string") throw new Refusal(400, '"text" expected a string');
  if (text.length > MOST.text) {
    throw new Refusal(413, `"text" expected at most ${MOST.text} characters, got ${text.length}: send it in parts`);
  }
  return Response.json({ suggestions: await session.type(text) });
}

async function suggest(_, env, id) {
  return Response.json({ suggestions: await sessionOf(env, id).suggest() });
}

/** Streams server-sent events: one for each token, whose data is a JSON string, then an "end". */
async function generate(request, env, id) {
  const session = sessionOf(env, id);
  const { searchParams } = new URL(request.url);
  const length = wholeNumber("length", searchParams.get("length") ?? "50", 1, MOST.length);
  const seed = wholeNumber("seed", searchParams.get("seed") ?? String(crypto.getRandomValues(new Uint32Array(1))), 0);
  return new Response(await session.generate(length, seed), {
    headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
  });
}

async function forget(_, env, id) {
  await sessionOf(env, id).forget();
  return new Response(null, { status: 204 });
}

/** Finds a session. Ids cannot be guessed: half of each is random, and the other half proves that this Worker made it. */
function sessionOf({ SESSION }, id) {
  try {
    return SESSION.get(SESSION.idFromString(id));
  } catch {
    throw new Refusal(404, "there is no such session: POST /sessions makes one");
  }
}

function wholeNumber(name, value, least, most = 2 ** 32 - 1) {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw new Refusal(400, `"${name}" expected a whole number from ${least} to ${most}`);
}

/** Reads a JSON object from a request's body. */
async function json(request) {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) throw new Refusal(415, 'expected the content type "application/json"');
  let value;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(await body(request)));
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(400, "the body expected JSON in UTF-8");
  }
  if (typeof value === "object" && value !== null) return value;
  throw new Refusal(400, 'the body expected an object with a "text"');
}

/** Reads a body, and stops at the limit. */
async function body(request) {
  const bytes = new Uint8Array(MOST.body);
  let length = 0;
  for await (const chunk of request.body ?? []) {
    if (length + chunk.length > MOST.body) throw new Refusal(413, `the body expected at most ${MOST.body} bytes`);
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return bytes.subarray(0, length);
}

/** An answer that says what is wrong with a request. */
class Refusal extends Error {
  constructor(status, message, headers) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
