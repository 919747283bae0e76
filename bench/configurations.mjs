// The networks to train and to generate with, under the names that the tables use.
const oneHot = { embeddingSize: 0, layers: 1 };
export const CONFIGURATIONS = {
  // A tanh RNN on one-hot characters, as in "Dive into Deep Learning", 9.5.
  "d2l-rnn": { cell: "rnn", vocabularySize: 28, ...oneHot, hiddenSize: 32, T: 32, B: 1024 },
  "char-rnn": { cell: "rnn", vocabularySize: 65, ...oneHot, hiddenSize: 128, T: 50, B: 50 },
  "char-gru": { cell: "gru", vocabularySize: 65, ...oneHot, hiddenSize: 128, T: 50, B: 50 },
  // The defaults of torch-rnn.
  "char-lstm": { cell: "lstm", vocabularySize: 65, embeddingSize: 0, hiddenSize: 128, layers: 2, T: 50, B: 50 },
  "small-lstm": { cell: "lstm", vocabularySize: 65, embeddingSize: 32, hiddenSize: 64, layers: 1, T: 32, B: 16 },
  lstm512: { cell: "lstm", vocabularySize: 65, embeddingSize: 64, hiddenSize: 512, layers: 1, T: 64, B: 32 },
  // Zaremba et al. 2014, "small", on the words of the Penn Treebank.
  "ptb-lstm": { cell: "lstm", vocabularySize: 10_000, embeddingSize: 200, hiddenSize: 200, layers: 2, T: 20, B: 20 },
};

/**
 * Minimum number of floating-point operations to train on one token: 6 for each weight that is multiplied (2 forward, 4
 * backward). One-hot and embedded inputs are looked up, not multiplied.
 */
export function flopsPerToken({ cell, vocabularySize: V, embeddingSize: E, hiddenSize: H, layers }) {
  const gates = { rnn: 1, gru: 3, lstm: 4 }[cell];
  const recurrent = layers * gates * H * H;
  const inputs = gates * H * (E + (layers - 1) * H);
  return 6 * (recurrent + inputs + H * V);
}

export const LEARNING_RATE = 0.1;
export const CLIP = 1;
