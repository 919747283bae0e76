// What is trained and generated with, under the names that the tables use.
export const CONFIGURATIONS = {
  // A tanh RNN on one-hot characters, as in "Dive into Deep Learning", 9.5.
  "d2l-rnn": { cell: "rnn", vocabularySize: 28, embeddingSize: 0, hiddenSize: 32, layers: 1, T: 32, B: 1024 },
  "char-rnn": { cell: "rnn", vocabularySize: 65, embeddingSize: 0, hiddenSize: 128, layers: 1, T: 50, B: 50 },
};

export const LEARNING_RATE = 0.1;
export const CLIP = 1;
