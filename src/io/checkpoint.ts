// A training that can be taken up again: a model file with the optimiser's moments, the state that carried windows go on
// from, and the settings beside the weights. It loads as a model, too.

import { checkBytes, defined } from "../check.js";
import type { RecurrentModel } from "../lm/recurrent.js";
import type { BlockName } from "../nn/layout.js";
import { blockSize, type Parameter, readParameter, writeParameter } from "../nn/parameters.js";
import { checkIds, type TokenIds } from "../text/ids.js";
import { Training, type TrainOptions, type TrainSettings, type TrainState } from "../train/train.js";
import { modelFrom, writeModel } from "./model.js";
import { FormatError, readSafetensors, type SafeTensors, type Tensor } from "./safetensors.js";

const MOMENTS = ["moment1", "moment2"] as const satisfies BlockName[];

interface Description {
  settings: TrainSettings;
  state: Pick<TrainState, "step" | "tokens" | "seconds" | "sinceBest"> & { bestNats?: number };
  /** What it was trained on: number of tokens, and a hash of their ids. */
  text: { tokens: number; hash: number };
}

/** The bytes of a safetensors file from which resume() goes on with the same bits. */
export function saveCheckpoint({ model, tokens, settings, state }: Training): Uint8Array {
  const { network } = model;
  const { step, tokens: trained, seconds, sinceBest, best, carry } = state;
  const extra = new Map<string, Tensor>();
  for (const { name, shape } of network.parameters) {
    for (const moment of MOMENTS) extra.set(`${moment}.${name}`, { shape, values: network.read(name, moment) });
  }
  for (const parameter of best ? network.parameters : []) {
    extra.set(`best.${parameter.name}`, { shape: parameter.shape, values: readParameter(best!.parameters, parameter) });
  }
  extra.set("carry", { shape: [carry.length], values: carry });
  const description: Description = {
    settings,
    state: { step, tokens: trained, seconds, sinceBest, ...(best && { bestNats: best.nats }) },
    text: fingerprint(tokens),
  };
  // JSON has no Infinity: a clip without limit.
  const json = JSON.stringify(description, (_, value) => (value === Infinity ? "Infinity" : value));
  return writeModel(model, extra, { training: json });
}

/**
 * Takes up a training where its checkpoint left it.
 * @param tokens what it was trained on
 * @param options what goes on differently, such as how long in all; and what is not in the checkpoint: `valid`, which a
 * training with patience needs, and `signal`
 * @throws TypeError where there are no bytes, ids, or with patience no `valid`
 * @throws FormatError where the bytes are no checkpoint; RangeError where the tokens are not those it was trained on
 */
export async function resume(
  checkpoint: Uint8Array | ArrayBuffer,
  tokens: TokenIds,
  options: Pick<TrainOptions, "epochs" | "steps" | "seconds" | "patience" | "valid" | "signal"> = {},
): Promise<Training> {
  const file = readSafetensors(checkBytes("checkpoint", checkpoint));
  return resumeFrom(file, await modelFrom(file), tokens, options);
}

/** The same for a file that is read already, whose model was needed to make ids of the text. */
export function resumeFrom(
  file: SafeTensors,
  model: RecurrentModel,
  tokens: TokenIds,
  { epochs, steps, seconds, ...options }: Parameters<typeof resume>[2] = {},
): Training {
  const { settings, state, text } = readTraining(file);
  const found = fingerprint(checkIds("tokens", tokens, model.vocabulary.size));
  if (found.tokens !== text.tokens || found.hash !== text.hash) {
    const other = found.tokens === text.tokens ? "others" : `${found.tokens}`;
    throw new RangeError(`the checkpoint expected the ${text.tokens} tokens it was trained on, got ${other}`);
  }

  const { network } = model;
  const tensor = (name: string, length: number): Float32Array => {
    const values = file.tensors.get(name)?.values;
    if (values?.length === length) return values;
    throw new FormatError(`a checkpoint's "${name}" expected ${length} values, got ${values?.length ?? "none"}`);
  };
  const each = (write: (parameter: Parameter, length: number) => void) => {
    for (const parameter of network.parameters) write(parameter, network.read(parameter.name).length);
  };
  for (const moment of MOMENTS) {
    each(({ name }, length) => network.write(name, tensor(`${moment}.${name}`, length), moment));
  }
  let best: TrainState["best"];
  if (state.bestNats !== undefined) {
    const parameters = new Float32Array(blockSize(network.parameters));
    each((parameter, length) => writeParameter(parameters, parameter, tensor(`best.${parameter.name}`, length)));
    best = { nats: state.bestNats, parameters };
  }
  const { step, tokens: trained, seconds: spent, sinceBest } = state;
  const carry = tensor("carry", network.initialState(settings.windows.batch).length).slice();

  const length = defined({ epochs, steps, seconds });
  const { epochs: _, steps: __, seconds: ___, ...rest } = settings;
  const kept = Object.keys(length).length > 0 ? { ...rest, ...length } : settings;
  const trainState = { step, tokens: trained, seconds: spent, sinceBest, carry, ...(best && { best }) };
  return new Training(model, tokens, { ...kept, ...defined(options) }, trainState);
}

/** Number of tokens a checkpoint was trained on: where the held-out part of its text begins. @throws FormatError */
export function trainedTokens(file: SafeTensors): number {
  return readTraining(file).text.tokens;
}

function readTraining({ metadata }: SafeTensors): Description {
  const { training } = metadata;
  if (training === undefined) throw new FormatError("expected a checkpoint, got a model without its training's state");
  try {
    return JSON.parse(training, (_, value) => (value === "Infinity" ? Infinity : value)) as Description;
  } catch (cause) {
    throw new FormatError("expected a checkpoint's settings in JSON, got something else", { cause });
  }
}

/** FNV-1a over the ids, however wide the array keeps them. */
function fingerprint(tokens: TokenIds): Description["text"] {
  let hash = 0x811c9dc5;
  for (let i = 0; i < tokens.length; i++) hash = Math.imul(hash ^ tokens[i]!, 0x01000193);
  return { tokens: tokens.length, hash: hash >>> 0 };
}
