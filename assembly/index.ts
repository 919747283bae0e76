// The ABI. Pointers are byte offsets, 16-byte aligned; sizes are element counts; matrices are row-major float32
// with rows padded by zeros to whole vectors of four. Kernels trust their arguments: the host validates.

export { bagBackward, bagForward } from "./bag";
export { biasBackward } from "./bias";
export { dropout } from "./dropout";
export { gather, scatterAdd } from "./embedding";
export { gruBackward, gruForward } from "./gru";
export { lstmBackward, lstmForward } from "./lstm";
export { exp, sigmoid, tanh } from "./math";
export { affine, aTb, aTbScratch, multiply, pack, packedIndex, packedSize, packT } from "./matmul";
export { adamw, addSquares, scale, sgd } from "./optimizer";
export { maxPool, maxPoolBackward } from "./pool";
export { rnnBackward, rnnForward } from "./rnn";
export { logLikelihood, logSoftmax, sigmoidCrossEntropy, softmaxCrossEntropy, weightedCrossEntropy } from "./softmax";

/** First byte of the memory that the host may use. */
export function heapBase(): usize {
  return __heap_base;
}
