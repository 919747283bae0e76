// The commands and their flags: the table behind both the parser and the help.

export interface Flag {
  /** Placeholder of the value in the help; a flag without one is a switch. */
  value?: string;
  help: string;
  /** Accepts several integers as separate words: --prune 0 0 1. */
  several?: boolean;
  /** Names of this flag in other programs: rejected, with this flag as the suggestion. */
  elsewhere?: string[];
}

export type Flags = Record<string, Flag>;

export interface Command {
  usage: string;
  about: string;
  /** Operands in brackets may be left out. */
  operands: string[];
  /** Flags by heading. */
  groups: Record<string, Flags>;
  /** Command lines, each with a short explanation. */
  examples: [line: string, does: string][];
  /** Flags of other programs without an equivalent here, and what to do instead. */
  elsewhere?: Record<string, string>;
}

const HELP: Flags = { help: { help: "show this help (also -h)" } };
const PATTERN: Flags = {
  "allow-pattern": { help: "let a model you trust tokenize with its own regular expression" },
};
const KERNELS: Flags = {
  kernels: {
    value: "strict|relaxed|wide",
    help: "kernel build; strict gives the same bits everywhere (default: the fastest)",
  },
};

const VALID_FILE = { value: "FILE", help: "print the perplexity of this held-out text" };
const OUT = ["output", "o", "save", "arpa", "model"];
const ONE_OBJECT = { help: "print one JSON object" };

/** Flags of KenLM's lmplz. */
const KENLM: Record<string, string> = {
  text: "name the text without a flag, as in rivulet ngram TEXT --order 5",
  S: "leave it out: no limit on memory is needed",
  memory: "leave it out: no limit on memory is needed",
  T: "leave it out: there are no temporary files",
  "temp-prefix": "leave it out: there are no temporary files",
  temp_prefix: "leave it out: there are no temporary files",
  interpolate_unigrams: "leave it out: unigrams are interpolated, as lmplz does by default",
  verbose_header: "leave it out: the file always starts with a plain ARPA header",
};

/** Flags of --tokens word and sentence. */
const WORDS: Flags = {
  lowercase: { help: "convert the text to lower case (with --tokens word or sentence)" },
  wrapped: { help: "line breaks do not end sentences, blank lines do (with --tokens sentence)" },
};
/** Flags that decide how a text is split into sentences and tokens. */
const SENTENCES: Flags = {
  tokens: {
    value: "char|word|sentence|whitespace",
    help: "what a token is; sentence: words, split into sentences; whitespace: one sentence per line (default)",
  },
  ...WORDS,
  "skip-symbols": { help: "skip <s>, </s> and <unk> in the text" },
};
/** Flags that decide how a text is counted. */
const COUNTED: Flags = {
  order: { value: "N", help: "length of the longest n-grams, 1 to 10 (required)", elsewhere: ["o", "n"] },
  ...SENTENCES,
};
/** Flags of labeled texts. */
const LABELED: Flags = {
  format: { value: "tsv|fasttext|jsonl", help: "form of labeled texts (default: that of the first line)" },
};
/** Only ARPA files need these flags: other model files store their tokenizer. */
const READ: Record<string, Flags> = { "Text, for ARPA files (other models store their tokenizer)": SENTENCES };

export const commands = {
  train: {
    usage: "rivulet train TEXT",
    about: "Trains a language model on a text, or a classifier on labeled texts (- for standard input).",
    operands: ["TEXT"],
    groups: {
      Task: {
        task: { value: "lm|classify", help: "what to learn: a text, or the labels of texts (default lm)" },
        ...LABELED,
        several: {
          help: "classify: a text can have several labels, or none",
          elsewhere: ["multilabel", "multi-label"],
        },
      },
      Text: {
        tokens: {
          value: "char|word|sentence|whitespace",
          help: "what a token is (default char)",
          elsewhere: ["tokenizer"],
        },
        ...WORDS,
        "min-count": { value: "N", help: "tokens seen fewer than N times become <unk> (default 1)" },
        "max-vocabulary": {
          value: "N",
          help: "keep the N most frequent tokens (default: all)",
          elsewhere: ["vocab-size", "vocabulary"],
        },
        valid: {
          value: "X",
          help: "fraction of the text to hold out, from its end; 0 for none (default 0.1)",
          elsewhere: ["validation-split", "split"],
        },
        "valid-file": { value: "FILE", help: "hold out this text instead" },
      },
      Network: {
        cell: {
          value: "rnn|gru|lstm",
          help: "recurrent cell (default rnn); classify: a recurrent network beside the bag of features",
          elsewhere: ["rnn", "type", "encoder"],
        },
        activation: { value: "tanh|relu", help: "activation of the rnn cell (default tanh)" },
        hidden: { value: "N", help: "width of the hidden state (default 128)", elsewhere: ["units", "size", "nhid"] },
        layers: { value: "N", help: "number of recurrent layers (default 1)", elsewhere: ["nlayers", "depth"] },
        embedding: { value: "N", help: "width of the embedding, 0 for one-hot (default 0)", elsewhere: ["emsize"] },
        tied: { help: "share the embedding's weights with the output (both as wide as the hidden state)" },
        dropout: { value: "P", help: "dropout between layers (default 0)" },
        init: { value: "pytorch|xavier|orthogonal", help: "initial weights (default pytorch)" },
        "forget-bias": {
          value: "X",
          help: "initial bias of the lstm's forget gate; 1 makes it remember (default: random)",
        },
        from: {
          value: "MODEL",
          help: "train this model further on another text, keeping its network, weights and vocabulary",
          elsewhere: ["finetune", "pretrained", "load", "init-from"],
        },
        ...PATTERN,
      },
      Training: {
        epochs: { value: "N", help: "train for N passes over the text (default 10)" },
        steps: { value: "N", help: "or for N batches", elsewhere: ["iterations", "max-iters"] },
        seconds: { value: "N", help: "or for N seconds", elsewhere: ["time"] },
        patience: { value: "N", help: "stop after N epochs without improvement and keep the best weights" },
        optimizer: { value: "adamw|sgd", help: "optimizer (default adamw)" },
        lr: {
          value: "X",
          help: "learning rate (default 0.002 for adamw, 1 for sgd)",
          elsewhere: ["learning-rate", "rate"],
        },
        momentum: { value: "X", help: "momentum of sgd (default 0)" },
        "weight-decay": { value: "X", help: "weight decay of adamw (default 0.01)" },
        schedule: { value: "constant|linear|cosine|step", help: "learning-rate schedule (default constant)" },
        clip: { value: "X", help: "limit on the global norm of the gradients, 0 for none (default 1)" },
        window: { value: "N", help: "time steps of BPTT (default 64)", elsewhere: ["seq-len", "seq-length", "bptt"] },
        batch: { value: "N", help: "windows per batch (default 32)", elsewhere: ["bs"] },
        overlap: { value: "N", help: "tokens by which windows overlap; 0 carries the state over (default 0)" },
        random: { help: "cut windows from a random offset and shuffle them", elsewhere: ["shuffle"] },
        seed: { value: "N", help: "seed of all random numbers (default 1)" },
        threads: { value: "N", help: "must be 1: this version trains on one thread" },
        ...KERNELS,
      },
      Output: {
        out: { value: "FILE", help: "where to save the model (default model.safetensors)", elsewhere: OUT },
        resume: {
          value: "CHECKPOINT",
          help: "resume an interrupted run on the same text; --epochs, --steps and --seconds count from its start",
          elsewhere: ["checkpoint", "continue"],
        },
        sample: { value: "N", help: "print a sample of N tokens after each evaluation" },
        "gradient-flow": { help: "plot how the gradient fades over the window" },
        json: { help: "print one JSON object per line" },
        ...HELP,
      },
    },
    examples: [
      ["rivulet train book.txt --cell lstm --epochs 20", "an LSTM over characters"],
      ["rivulet train book.txt --tokens word --embedding 64", "an RNN over words"],
      ["rivulet train spam.tsv --task classify", "labels of texts: label, tab, text"],
      ["rivulet train letters.txt --from book.safetensors --out letters.safetensors", "fine-tuning"],
    ],
  },
  eval: {
    usage: "rivulet eval MODEL TEXT",
    about:
      "Prints the perplexity of a model on a text, or a classifier's figures on labeled texts (- for standard input).",
    operands: ["MODEL", "TEXT"],
    groups: { Labels: LABELED, ...READ, Output: { json: ONE_OBJECT, ...PATTERN, ...KERNELS, ...HELP } },
    examples: [
      ["rivulet eval model.safetensors other.txt", "a network"],
      ["rivulet eval model.arpa other.txt --tokens word --lowercase", "an ARPA file estimated with these flags"],
    ],
  },
  generate: {
    usage: "rivulet generate MODEL",
    about: "Writes text with a model.",
    operands: ["MODEL"],
    groups: {
      Sampling: {
        prompt: { value: "TEXT", help: "text to continue (default: none)", elsewhere: ["start", "prefix", "prime"] },
        length: { value: "N", help: "number of tokens to write (default 500)", elsewhere: ["tokens", "max-tokens"] },
        temperature: {
          value: "X",
          help: "below 1 is more cautious, above 1 wilder, 0 always picks the likeliest token (default 1)",
          elsewhere: ["t"],
        },
        "top-k": { value: "N", help: "choose among the N likeliest tokens (default: all)" },
        "top-p": { value: "X", help: "choose among the likeliest tokens with a total probability of X (default 1)" },
        seed: { value: "N", help: "seed of the random choices (default 1)" },
      },
      ...READ,
      Output: { ...PATTERN, ...KERNELS, ...HELP },
    },
    examples: [['rivulet generate model.safetensors --prompt "It was " --temperature 0.7', ""]],
  },
  predict: {
    usage: "rivulet predict MODEL",
    about: "Prints a line of labels, each with its probability, for each line of a text (default: standard input).",
    operands: ["MODEL", "[TEXT]"],
    groups: {
      Labels: {
        top: {
          value: "N",
          help: "the N likeliest labels (default 1, or those above ½ if there can be several)",
          elsewhere: ["k"],
        },
        threshold: { value: "X", help: "leave out labels with a smaller probability; an empty line: none of them" },
      },
      Output: { json: { help: "print a JSON object per line" }, ...PATTERN, ...KERNELS, ...HELP },
    },
    examples: [["rivulet predict model.safetensors texts.txt --top 3", ""]],
  },
  next: {
    usage: "rivulet next MODEL TEXT",
    about: "Prints the likeliest next tokens after a text, with their probabilities.",
    operands: ["MODEL", "[TEXT]"],
    groups: {
      ...READ,
      Output: {
        top: { value: "N", help: "number of tokens to print (default 10)", elsewhere: ["k", "n", "top-k"] },
        json: ONE_OBJECT,
        ...PATTERN,
        ...KERNELS,
        ...HELP,
      },
    },
    examples: [
      ['rivulet next model.safetensors "The cat"', "a network"],
      ['rivulet next model.arpa "The cat" --top 3', "an n-gram model"],
    ],
  },
  ngram: {
    usage: "rivulet ngram TEXT",
    about: "Estimates an n-gram model from a text (- for standard input), one sentence per line, or from counts.",
    operands: ["[TEXT]"],
    groups: {
      Text: {
        ...COUNTED,
        counts: { value: "FILE", help: "a Parquet file of counts, or a directory of them, instead of TEXT" },
        "valid-file": VALID_FILE,
      },
      Model: {
        smoothing: { value: "kneser-ney|mle|laplace|stupid-backoff", help: "smoothing method (default kneser-ney)" },
        prune: {
          value: "0 0 1",
          help: "kneser-ney: for each n-gram length, drop n-grams with at most this count",
          several: true,
        },
        "discount-fallback": {
          help: "kneser-ney: use discounts of 0.5, 1 and 1.5 where the text leaves them undefined",
        },
        k: { value: "X", help: "laplace: amount added to each count (default 1)" },
        alpha: { value: "X", help: "stupid-backoff: weight of each shorter context (default 0.4)" },
      },
      Output: {
        out: {
          value: "FILE",
          help: "where to save the model: .arpa, .arpa.gz, or .ngram, the binary form (default model.arpa)",
          elsewhere: OUT.filter((name) => name !== "o"),
        },
        quantize: { help: "halve the file at a small loss of accuracy (binary form only)" },
        json: ONE_OBJECT,
        ...HELP,
      },
    },
    examples: [
      ["rivulet ngram sentences.txt --order 5 --out model.arpa", "like KenLM's lmplz -o 5"],
      ["rivulet ngram sentences.txt --order 5 --prune 0 0 1 --out model.ngram", "smaller"],
      ["rivulet ngram --counts counts --order 5", "from counts saved by rivulet count"],
    ],
    elsewhere: KENLM,
  },
  count: {
    usage: "rivulet count TEXT",
    about:
      "Counts the n-grams of a text (- for standard input); rivulet ngram --counts adds up several files of counts.",
    operands: ["TEXT"],
    groups: {
      Text: COUNTED,
      Output: {
        out: {
          value: "FILE",
          help: "where to save the counts, a Parquet file (default counts.parquet)",
          elsewhere: OUT.filter((name) => name !== "o"),
        },
        json: ONE_OBJECT,
        ...HELP,
      },
    },
    examples: [["rivulet count part-7.txt --order 5 --out counts/7.parquet", ""]],
    elsewhere: KENLM,
  },
  quantize: {
    usage: "rivulet quantize MODEL",
    about: "Saves a smaller copy of a model: 8-bit weights, or 8-bit probabilities for an n-gram model.",
    operands: ["MODEL"],
    groups: {
      Output: {
        out: {
          value: "FILE",
          help: "where to save it: .safetensors, or .ngram for an n-gram model (required)",
          elsewhere: OUT,
        },
        json: ONE_OBJECT,
        ...PATTERN,
        ...HELP,
      },
    },
    examples: [["rivulet quantize model.safetensors --out small.safetensors", "a quarter of the size"]],
  },
} satisfies Record<string, Command>;

export type CommandName = keyof typeof commands;

export const flagsOf = (command: CommandName): Flags => Object.assign({}, ...Object.values(commands[command].groups));
