// A kind of model that the training loop, evaluation and files have never heard of is trained, evaluated, saved and resumed
// like language models are.

import { MessageChannel } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { evaluate, evaluateAsync, loadModel, saveCheckpoint, saveModel, sgd, train } from "../src/entries/index.js";
import { resumeKinds } from "../src/io/checkpoint.js";
import { loadKinds } from "../src/io/model.js";
import { connect, type RemoteTask } from "../src/worker/client.js";
import { serve } from "../src/worker/thread.js";
import { type Accuracy, create, data, kind, Majority, majority, prepared } from "./majority.js";

describe("a task of one's own", () => {
  it("is trained with its own defaults, and evaluated by its own figures", async () => {
    const model = await majority();
    const before = evaluate(model, data);
    const last = await train(model, data, { epochs: 400, valid: data });
    expect(last!.valid!.accuracy).toBe(1);
    expect(last!.valid!.nats).toBeLessThan(before.nats);
    expect(await evaluateAsync(model, data)).toEqual(evaluate(model, data));
    const usual = train(await majority(), data);
    expect(usual.settings).toMatchObject({ epochs: 30, batch: 4 });
    expect((await usual)!.step).toBe(30 * 4);
    expect(train(await majority(), data, { steps: 3 }).settings.epochs).toBeUndefined();
  });

  it("prepares its data once for a run, however long, and once for its evaluations", async () => {
    prepared.length = 0;
    const training = train(await majority(), data, { epochs: 5, valid: data });
    for await (const { step } of training) if (step === 7) break;
    const bytes = saveCheckpoint(training);
    await training;
    expect(prepared).toEqual(["data", "valid"]);
    await (await resumeKinds([kind], bytes, data, { valid: data })).training;
    expect(prepared).toEqual(["data", "valid", "data", "valid"]);
  });

  it("does not take a figure that is not a number for the best one", async () => {
    const zeros = data.filter(([, label]) => label === 0);
    const model = new Majority(await create(), { figure: "recall", better: "higher" });
    const training = train(model, data, { epochs: 20, valid: zeros, patience: 3 });
    expect((await training)!.epoch).toBe(3);
    expect(training.state.best).toBeUndefined();
    const { training: resumed } = await resumeKinds([kind], saveCheckpoint(training), data, { valid: zeros });
    expect(resumed.state.sinceBest).toBe(3);
  });

  it("keeps the best weights by the figure that it watches", async () => {
    const model = await majority();
    const training = train(model, data, {
      epochs: 300,
      valid: data,
      patience: 20,
      optimizer: sgd({ learningRate: 1.5 }),
    });
    let best = 0;
    for await (const { valid } of training) if (valid) best = Math.max(best, valid.accuracy);
    expect(evaluate(model, data).accuracy).toBe(best);
  });

  it("resumes from a checkpoint with the same bits, on the same data only", async () => {
    const whole = await majority();
    await train(whole, data, { epochs: 6, valid: data, patience: 50 });
    const half = train(await majority(), data, { epochs: 6, valid: data, patience: 50 });
    for await (const { step } of half) if (step === 10) break;
    const bytes = saveCheckpoint(half);
    const { model, training } = await resumeKinds([kind], bytes, data, { valid: data });
    await training;
    expect([...model.network.block("parameters")]).toEqual([...whole.network.block("parameters")]);
    await expect(resumeKinds([kind], bytes, data.slice(1), { valid: data })).rejects.toThrow(
      "the checkpoint expected the 16 examples it was trained on, got 15",
    );
  });

  it("is saved and loaded, and is not taken for a language model", async () => {
    const model = await majority();
    await train(model, data, { epochs: 3 });
    const bytes = saveModel(model);
    const again = await loadKinds([kind], bytes, {});
    expect(evaluate(again, data)).toEqual(evaluate(model, data));
    await expect(loadModel(bytes)).rejects.toThrow(
      'expected a language model, got "majority": a newer rivulet may know it',
    );
    await expect(loadKinds([kind], saveModel(await create()), {})).rejects.toThrow(
      'expected a majority, got a language model: load it with loadModel from "rivulet"',
    );
  });

  it("restores the last good weights when the loss is no number, and refuses settings of texts", async () => {
    const model = await majority();
    const optimizer = sgd({ learningRate: 1e38 });
    await expect(train(model, data, { optimizer, clip: Infinity }).then()).rejects.toThrow(
      "keeps the last good weights",
    );
    expect([...model.network.block("parameters")].every(Number.isFinite)).toBe(true);
    const windows = { kind: "carried", window: 4, batch: 4 } as const;
    expect(() => train(model, data, { windows })).toThrow('"windows" expected no value for a majority');
    expect(() => train(model, data, { batch: 0 })).toThrow('"batch" expected an integer >= 1, got 0');
    expect(() => train(model, "bits" as never)).toThrow('"data" expected examples, got string');
    expect(() => train(model, data, { patience: 2 })).toThrow('"patience" expected "valid" data with it');
  });
});

describe("a task in a worker", () => {
  it("is loaded, trained, evaluated, saved and resumed with the same results", async () => {
    const worker = inProcess();
    const here = await majority();
    const there = await worker.loadModel<RemoteTask>(saveModel(here));
    expect(there).toEqual({ kind: "majority", parameterCount: here.network.parameterCount });
    const options = { epochs: 4, valid: data, patience: 9 };
    const expected = { ...(await train(here, data, options)), tokensPerSecond: expect.any(Number) };
    const training = worker.train<Accuracy>(there, data, options);
    for await (const { step } of training) if (step === 5) break;
    const checkpoint = await worker.saveCheckpoint(training);
    expect(await training).toEqual(expected);
    expect(await worker.saveModel(there)).toEqual(saveModel(here));
    expect(await worker.evaluate(there, data)).toEqual(evaluate(here, data));

    const resumed = await worker.resume<Accuracy>(checkpoint, data, { valid: data });
    expect(await resumed.training).toEqual(expected);
    expect(await worker.saveModel(resumed.model)).toEqual(saveModel(here));
    await expect(worker.evaluate(there, "bits")).rejects.toThrow('"data" expected examples, got string');
    const text = await worker.loadModel(saveModel(await create()));
    expect(text.config.cell).toBe("gru");
  });
});

/** Both sides of a worker that also has this task, without a thread between them. */
function inProcess() {
  const { port1: page, port2: thread } = new MessageChannel();
  serve({ listen: (hear) => thread.on("message", hear), post: (answer, moved) => thread.postMessage(answer, moved) }, [
    kind,
  ]);
  return connect({
    post: (request, moved) => page.postMessage(request, moved),
    listen(hear) {
      page.on("message", hear);
      page.postMessage({ lock: "" });
    },
    terminate: () => page.close(),
    hold: (waits) => (waits ? page.ref() : page.unref()),
  });
}
