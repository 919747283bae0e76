// A session: what was typed, as the model's state, and what the model learned from it. All of it is in storage after each
// request and nothing stays in memory, so that the object can be evicted at any time, and many of them fit into an isolate.

import { DurableObject } from "cloudflare:workers";
import * as rivulet from "rivulet";
import bundled from "./model.safetensors";

// The same bits on every machine, whatever it runs on next.
rivulet.selectKernels("strict");

/** How many of the last tokens typed are kept, and learned from. */
const WINDOW = 48;
/**
 * How a request's text is learned: dynamic evaluation (Krause et al. 2018). Notes about everyday life, typed three times in
 * requests of eight tokens, have perplexities of 47, 11 and 6, and of 90 without learning. Steps are counted, since the
 * clock stands still in a deployed Worker.
 */
const LEARNING = { steps: 2, optimizer: rivulet.sgd({ learningRate: 0.3 }), clip: 1 };
const SUGGESTIONS = 3;
const DAY = 86_400_000;

export class Session extends DurableObject {
  /** Reads a text and learns from it. @returns suggestions for what comes next */
  type(text) {
    return this.#inTurn(async () => {
      const { model, state, recent } = await this.#read();
      const ids = rivulet.encode(text, model.tokenizer, model.vocabulary);
      if (ids.length === 0) return rivulet.nextTokens(model, state, SUGGESTIONS);
      const tokens = Uint16Array.of(...recent, ...ids).slice(-WINDOW);
      if (tokens.length > 1) {
        const windows = rivulet.carriedWindows({ window: tokens.length - 1, batch: 1 });
        await rivulet.train(model, tokens, { ...LEARNING, windows });
      }
      const after = rivulet.stateAfter(model, text, state);
      await this.#write(model, after, tokens);
      return rivulet.nextTokens(model, after, SUGGESTIONS);
    });
  }

  suggest() {
    return this.#inTurn(async () => {
      const { model, state } = await this.#read();
      return rivulet.nextTokens(model, state, SUGGESTIONS);
    });
  }

  generate(length, seed) {
    return this.#inTurn(async () => {
      const { model, state } = await this.#read();
      return events(rivulet.generate(model, { state, length, seed, temperature: 0.8 }));
    });
  }

  /** Resets the session to the model in the bundle. */
  forget() {
    return this.#inTurn(() => this.ctx.storage.deleteAll());
  }

  /** Deletes a session in which nothing was typed for a month. */
  alarm() {
    return this.forget();
  }

  /** Runs requests one after the other: learning yields to the event loop. */
  #inTurn(work) {
    return this.ctx.blockConcurrencyWhile(work);
  }

  async #read() {
    const kept = this.ctx.storage.kv.get("session");
    const model = await rivulet.loadModel(kept?.weights ?? bundled);
    // A session starts as a sentence does: after a full stop.
    const state = kept ? model.restoreState(kept.state) : rivulet.stateAfter(model, ".");
    return { model, state, recent: kept?.recent ?? [] };
  }

  async #write(model, state, recent) {
    const kept = { weights: rivulet.saveModel(model), state: model.saveState(state), recent };
    this.ctx.storage.kv.put("session", kept);
    await this.ctx.storage.setAlarm(Date.now() + 30 * DAY);
  }
}

function events(pieces) {
  const encoder = new TextEncoder();
  let wanted = true;
  return new ReadableStream({
    type: "bytes",
    async start(controller) {
      for await (const piece of pieces) {
        if (!wanted) return;
        controller.enqueue(encoder.encode(`data: ${JSON.stringify(piece)}\n\n`));
      }
      controller.enqueue(encoder.encode("event: end\ndata:\n\n"));
      controller.close();
    },
    cancel() {
      wanted = false;
    },
  });
}
