// rivulet/classify: labels of texts. Training, evaluation and saving are those of "rivulet".

import type { Example } from "../data/labels.js";
import { type ResumeOptions, resumeKinds } from "../io/checkpoint.js";
import { loadKinds } from "../io/model.js";
import { type Classifier, classifier } from "../tasks/classifier.js";
import type { Training } from "../train/train.js";

export { type Example, type LabelFormat, readLabels } from "../data/labels.js";
export { Classifier, type Prediction, type PredictOptions } from "../tasks/classifier.js";
export type { ClassifierConfig, ClassifierOptions } from "../tasks/classifier-config.js";
export type { LabelFigures } from "../tasks/label-figures.js";

/**
 * Reads a classifier written by saveModel(), or the one in a checkpoint.
 * @throws TypeError if `file` is not bytes; FormatError if it is cut short, altered, or not a classifier
 */
export const loadModel = (file: Uint8Array | ArrayBuffer): Promise<Classifier> => loadKinds([classifier], file, {});

/**
 * Resumes the training of a classifier from a checkpoint: iterate over `training`, or await it, to continue.
 * @param examples those that it was trained on
 * @throws TypeError, RangeError, FormatError as resume() of "rivulet"
 */
export const resume = (
  checkpoint: Uint8Array | ArrayBuffer,
  examples: readonly Example[],
  options: ResumeOptions<readonly Example[]> = {},
): Promise<{ model: Classifier; training: Training<Classifier> }> =>
  resumeKinds([classifier], checkpoint, examples, options);
