// The settings of a training: a table of them, their sentences, and the link that holds them.

export type Cell = "ngram" | "rnn" | "gru" | "lstm";
export type Tokens = "characters" | "words";
export type TextChoice = "moby-dick" | "own" | "file";

export interface Settings {
  cell: Cell;
  /** Hidden units, or the order of an n-gram model. */
  size: number;
  tokens: Tokens;
  text: TextChoice;
  steps: number;
  seed: number;
  layers: number;
  embedding: number;
  window: number;
  batch: number;
  clip: number;
  rate: number;
  /** Changes of the learning rate while it ran: after how many steps, and to what. */
  changes: [step: number, rate: number][];
  /** For a text that is not in the link: its length and checksum. */
  fingerprint?: string;
}

export const WHY: Record<Cell, string> = {
  ngram: "An n-gram model counts what followed the last few tokens. It is ready at once, and looks no further back.",
  rnn: "An RNN keeps a state and mixes each token into it. What it read long ago fades.",
  gru: "A GRU keeps a state and two gates, which decide how much of it to replace.",
  lstm: "An LSTM keeps a second state that gates write to, forget from and read.",
};
export const WHY_SIZE: Record<"ngram" | "network", string> = {
  ngram: "A higher order sees more context, and meets fewer of its contexts again.",
  network: "More units remember more, and train more slowly.",
};
export const WHY_TOKENS: Record<Tokens, string> = {
  characters: "Characters need no dictionary; a word has to be spelled.",
  words: "Words are easier to predict from each other; rare ones become <unk>.",
};

/** The settings behind "More settings", with the bounds of each and what it does. */
export const FIELDS = [
  {
    name: "layers",
    label: "Layers",
    value: 1,
    least: 1,
    most: 4,
    says: "Cells on top of each other; the upper ones read the states of the lower.",
  },
  {
    name: "embedding",
    label: "Embedding",
    value: 32,
    least: 1,
    most: 512,
    says: "Numbers that stand for a token before the cell reads it.",
  },
  { name: "window", label: "Window", value: 50, least: 1, most: 500, says: "Steps that a gradient goes back." },
  {
    name: "batch",
    label: "Batch",
    value: 16,
    least: 1,
    most: 256,
    says: "Places in the text that are read at the same time. Larger is smoother, and slower per step.",
  },
  {
    name: "clip",
    label: "Clip at",
    value: 1,
    least: 0.01,
    most: 1000,
    says: "The longest gradient that a step may follow; see the chapter on clipping.",
  },
] as const;

export const CELLS: readonly Cell[] = ["ngram", "rnn", "gru", "lstm"];
export const SIZES = { ngram: [2, 3, 4, 5, 6, 7], network: [16, 32, 64, 128, 256] } as const;
export const isNgram = ({ cell }: Pick<Settings, "cell">): boolean => cell === "ngram";
export const NAMES: Record<Cell, string> = { ngram: "n-gram", rnn: "RNN", gru: "GRU", lstm: "LSTM" };

export const defaults = (): Settings => ({
  cell: "lstm",
  size: 128,
  tokens: "characters",
  text: "moby-dick",
  steps: 4000,
  seed: 1,
  rate: 0.004,
  changes: [],
  ...(Object.fromEntries(FIELDS.map(({ name, value }) => [name, value])) as Pick<
    Settings,
    (typeof FIELDS)[number]["name"]
  >),
});

/** Bounds of the numbers in a link. Whatever lies outside is ignored. */
const BOUNDS: Record<string, [least: number, most: number, whole?: boolean]> = {
  size: [1, 1024, true],
  steps: [1, 1_000_000, true],
  seed: [0, 999_999_999, true],
  rate: [1e-6, 10],
  ...Object.fromEntries(FIELDS.map(({ name, least, most }) => [name, [least, most, name !== "clip"]])),
};
const within = (value: number, [least, most, whole]: [number, number, boolean?]): boolean =>
  value >= least && value <= most && (!whole || Number.isInteger(value));

/** Returns what goes behind "#": only what differs from the defaults. */
export function toLink(settings: Settings): string {
  const base = defaults();
  const link = new URLSearchParams();
  for (const name of [
    "cell",
    "size",
    "tokens",
    "text",
    "steps",
    "seed",
    "rate",
    ...FIELDS.map((f) => f.name),
  ] as const) {
    if (settings[name] !== base[name]) link.set(name, String(settings[name]));
  }
  if (settings.changes.length > 0) link.set("changes", settings.changes.map((change) => change.join(":")).join(","));
  if (settings.text !== "moby-dick" && settings.fingerprint) link.set("is", settings.fingerprint);
  return link.toString();
}

/** Reads a link, and lists the names in it that mean nothing or whose values are out of bounds; those are ignored. */
export function fromLink(hash: string): { settings: Settings; odd: string[] } {
  const settings = defaults();
  const odd: string[] = [];
  const choices: Record<string, readonly string[]> = {
    cell: CELLS,
    tokens: ["characters", "words"],
    text: ["moby-dick", "own", "file"],
  };
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    const bounds = Object.hasOwn(BOUNDS, name) ? BOUNDS[name] : undefined;
    if (Object.hasOwn(choices, name) && choices[name]!.includes(value)) Object.assign(settings, { [name]: value });
    else if (bounds && value.trim() !== "" && within(Number(value), bounds))
      Object.assign(settings, { [name]: Number(value) });
    else if (name === "is" && /^\d{1,12}-[0-9a-f]{8}$/.test(value)) settings.fingerprint = value;
    else if (name === "changes" && value.length < 2000 && /^\d+:[\d.e-]+(,\d+:[\d.e-]+)*$/.test(value)) {
      const changes = value.split(",").map((change) => change.split(":").map(Number) as [number, number]);
      if (changes.every(([step, rate]) => within(step, [0, 1e6, true]) && within(rate, BOUNDS.rate!)))
        settings.changes = changes;
      else odd.push(name);
    } else odd.push(name.slice(0, 20));
  }
  if (isNgram(settings) && settings.size > 10) settings.size = 5;
  return { settings, odd };
}
