// The lab: the sentence that says what to train, the buttons, the sample, the curve, files and links.

import { onScheme } from "../color.js";
import { $, download, el, fixed, offline, painter, quiet } from "../dom.js";
import { type CurveView, drawClip, drawCurve } from "./charts.js";
import { Companions } from "./companions.js";
import { Inside } from "./inside.js";
import { BESIDE, Session } from "./session.js";
import {
  FIELDS,
  fromLink,
  isNgram,
  type Settings,
  SIZES,
  type TextChoice,
  toLink,
  WHY,
  WHY_SIZE,
  WHY_TOKENS,
} from "./settings.js";
import { fingerprint, mobyDick, readFile, SHOWN, split, type TextSource } from "./text.js";

const select = (id: string) => $<HTMLSelectElement>(id);
const source = $<HTMLTextAreaElement>("source");
const EXCERPT = source.value;
const rate = $<HTMLInputElement>("rate");

let { settings, odd } = fromLink(location.hash);
/** A text that was pasted, typed or read from a file; the default one is fetched when it is needed. */
let own: TextSource | undefined;
/** The names of the texts in the box: what it shows may only be the beginning. */
let shownText = EXCERPT;
let session: Session | undefined;
let companions: Companions | undefined;
let starting = false;
let scrub: number | undefined;
let view: CurveView | undefined;
/** The file of a model that was loaded, until it is trained further or dropped. */
let loaded: { name: string; bytes: ArrayBuffer } | undefined;
let saidAt = 0;

const inside = new Inside();
const draw = painter(paint);

// --- The sentence ---

function fillForm(): void {
  const network = !isNgram(settings);
  const sizes: number[] = [...SIZES[network ? "network" : "ngram"]];
  if (!sizes.includes(settings.size)) sizes.push(settings.size);
  select("size").replaceChildren(
    ...sizes.sort((a, b) => a - b).map((size) => el("option", { value: size }, String(size))),
  );
  const steps = select("steps");
  if (![...steps.options].some(({ value }) => Number(value) === settings.steps))
    steps.append(el("option", {}, String(settings.steps)));
  for (const name of ["cell", "size", "tokens", "text", "steps"] as const) select(name).value = String(settings[name]);
  $<HTMLInputElement>("seed").value = String(settings.seed);
  rate.value = String(Math.log10(settings.rate));
  $("rate-value").textContent = String(settings.rate);
  for (const { name } of FIELDS) $<HTMLInputElement>(`field-${name}`).value = String(settings[name]);
  sentence();
}

/** The words around the settings. */
function sentence(): void {
  const ngram = isNgram(settings);
  $("article").textContent = settings.cell === "gru" ? "a" : "an";
  $("order-words").hidden = !ngram;
  $("unit-words").hidden = ngram;
  $("steps-words").hidden = ngram;
  $("more").hidden = ngram;
  rate.disabled = ngram;
  select("size").setAttribute("aria-label", ngram ? "Order" : "Units");
  $("why").textContent =
    `${WHY[settings.cell]} ${WHY_SIZE[ngram ? "ngram" : "network"]} ${WHY_TOKENS[settings.tokens]}`;
  $("speed-unit").textContent = `${settings.tokens} a second`;
  for (const word of document.querySelectorAll("[data-token]"))
    word.textContent = settings.tokens === "words" ? "word" : "character";
}

function readForm(): void {
  const before = settings;
  const cell = select("cell").value as Settings["cell"];
  const kindChanged = (cell === "ngram") !== isNgram(before);
  settings = {
    ...before,
    cell,
    tokens: select("tokens").value as Settings["tokens"],
    text: select("text").value as TextChoice,
    steps: Number(select("steps").value),
    size: kindChanged ? (cell === "ngram" ? 5 : 128) : Number(select("size").value),
  };
  const seed = Number($<HTMLInputElement>("seed").value);
  if (Number.isInteger(seed) && seed >= 0) settings.seed = seed;
  for (const { name } of FIELDS) {
    const field = $<HTMLInputElement>(`field-${name}`);
    if (field.value !== "" && field.checkValidity()) settings[name] = Number(field.value);
  }
  if (kindChanged) fillForm();
  sentence();
}

$("fields").replaceChildren(
  ...FIELDS.map(({ name, label, least, most, says }) =>
    el(
      "label",
      {},
      label,
      el("input", {
        id: `field-${name}`,
        type: "number",
        min: least,
        max: most,
        step: name === "clip" ? "any" : 1,
        required: true,
      }),
      el("small", {}, says),
    ),
  ),
);

$("form").addEventListener("submit", (event) => event.preventDefault());
for (const place of ["form", "fields"]) {
  $(place).addEventListener("change", (event) => {
    const text = select("text").value;
    readForm();
    if (event.target === select("text")) {
      if (text === "file") $("text-file").click();
      if (text === "moby-dick")
        showText(
          EXCERPT,
          "1.2 million characters; the last tenth is held out. Paste over it, or drop a file, to train on your own text. It stays on this machine.",
        );
      if (text === "own") {
        if (!own) showText("", "Paste or type your text here. It stays on this machine.");
        source.focus();
      }
    }
    // Settings belong to the next model: the one that is there keeps what it was made with.
    if (session) reset();
  });
}

// --- The text ---

function showText(text: string, about: string): void {
  shownText = text.length > SHOWN ? `${text.slice(0, SHOWN)}\n…` : text;
  source.value = shownText;
  $("about-text").textContent = about;
}

/** The beginning of the held-out part, to look at. */
function passageOf(text: string): string {
  const { held } = split(text);
  const passage = (held.length > 40 ? held : text.slice(0, 1000)).slice(0, 1000).replace(/\s+/g, " ").trim();
  return [...passage].slice(0, 76).join("");
}

function useText(text: TextSource, choice: TextChoice): void {
  own = text;
  settings = { ...settings, text: choice };
  select("text").value = choice;
  const more = text.text.length > SHOWN ? `, of which the box shows the first ${fixed(SHOWN)}` : "";
  showText(
    text.text,
    `${choice === "file" ? `${text.name}: ` : ""}${fixed(text.text.length)} characters${more}; the last tenth is held out. It stays on this machine.`,
  );
  inside.read(passageOf(text.text));
  if (settings.fingerprint && settings.fingerprint !== fingerprint(text.text)) {
    say("This is not the text that the link was made with, so the results will differ.");
  }
  if (session) reset();
}

source.addEventListener("paste", (event) => {
  const pasted = event.clipboardData?.getData("text/plain") ?? "";
  // A long text never goes into the box whole.
  if (pasted.length + source.value.length < SHOWN) return;
  event.preventDefault();
  useText({ name: "text", text: pasted.replace(/\r\n?/g, "\n") }, "own");
});
source.addEventListener("focus", () => {
  if (own === undefined) source.select();
});
source.addEventListener("change", () => {
  if (own && settings.text === "own") inside.read(passageOf(own.text));
});
source.addEventListener("input", () => {
  // Typing in the beginning of a long text makes that beginning the text.
  own = { name: "text", text: source.value };
  settings = { ...settings, text: "own" };
  select("text").value = "own";
  $("about-text").textContent =
    `${fixed(source.value.length)} characters; the last tenth is held out. It stays on this machine.`;
  if (session) reset();
});

async function openText(file: File | undefined): Promise<void> {
  if (!file) return;
  if (/\.(safetensors|ngram|arpa)$/i.test(file.name)) return openModel(file);
  try {
    useText(await readFile(file), "file");
  } catch (error) {
    trouble(messageOf(error), "Choose another", () => $("text-file").click());
  }
}
$("open").addEventListener("click", () => $("text-file").click());
const textFile = $<HTMLInputElement>("text-file");
textFile.addEventListener("change", () => {
  void openText(textFile.files?.[0]);
  textFile.value = "";
});
textFile.addEventListener("cancel", () => {
  if (!own) fillForm();
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", () => document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const file = event.dataTransfer?.files[0];
  if (file) void openText(file);
});

/** The text to train on. @throws Error if there is none yet */
async function currentText(): Promise<TextSource> {
  if (settings.text === "moby-dick") return mobyDick();
  if (!own)
    throw new Error(
      "The link is for a text that only its author has: paste it over the one on the right, or choose Moby-Dick.",
    );
  return own;
}

// --- Training ---

const listener = {
  changed: () => {
    draw();
    if (session?.runner && $<HTMLInputElement>("compare").checked)
      void companions?.follow(session.step, session.runner.model);
  },
  look: () => inside.refresh(),
  failed,
};

function failed(error: unknown): void {
  console.info(error);
  const { name, message } = error as Error;
  const text = /[.!?]$/.test(message) ? message : `${message}.`;
  if (name === "WorkerError") {
    trouble(`The training ended: ${text}`, "Start over", () => {
      reset();
      void start();
    });
  } else if (name === "DivergedError") trouble(`It diverged: ${text}`, "Start over", reset);
  else if (/WebAssembly/.test(message) && !isNgram(settings)) {
    trouble(
      `This browser cannot run networks: ${text} An n-gram model needs no WebAssembly.`,
      "Count n-grams instead",
      () => {
        settings = { ...settings, cell: "ngram", size: 5 };
        fillForm();
        reset();
        void start();
      },
    );
  } else trouble(text, "All right", reset);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function trouble(message: string, button: string, act: () => void): void {
  session?.stop();
  $("trouble").hidden = false;
  $("sample").hidden = true;
  $("trouble-text").textContent = message;
  const go = $("trouble-go");
  go.textContent = button;
  go.onclick = () => {
    $("trouble").hidden = true;
    $("sample").hidden = false;
    act();
  };
  draw();
}

/** Makes a session for the settings; its first sample is of the untrained model. */
async function begin(): Promise<boolean> {
  if (starting) return false;
  starting = true;
  $("trouble").hidden = true;
  $("sample").hidden = false;
  draw();
  try {
    const text = await currentText();
    const made = new Session({ ...settings, changes: [...settings.changes] }, text, listener, loaded?.bytes.slice(0));
    session = made;
    scrub = undefined;
    const beside = isNgram(settings)
      ? undefined
      : new Companions(made.settings, made.parts, () => {
          draw();
          void inside.refresh();
        });
    companions = beside;
    inside.show(made, beside, settings);
    await made.prepare();
    if (session !== made) return false;
    if (isNgram(settings)) await inside.refresh();
    else void beside?.count();
    return true;
  } catch (error) {
    if (session) failed(error);
    else trouble(messageOf(error), "All right", () => {});
    return false;
  } finally {
    starting = false;
    draw();
  }
}

async function start(steps?: number): Promise<void> {
  if (session?.done && steps === undefined) reset();
  if (!session && !(await begin())) return;
  if (!session || session.done) {
    announce(
      isNgram(settings) ? `Counted. Held-out perplexity ${fixed(session?.samples[0]?.perplexity ?? 0, 2)}` : "Done",
    );
    return;
  }
  announce(steps === 1 ? `Step ${session.step + 1}` : "Training");
  await session.run(steps);
  if (session?.done) announce(`Done. Held-out perplexity ${fixed(session.held.at(-1)?.perplexity ?? 0, 2)}`);
}

/** Drops the session: the next click starts another. */
function reset(): void {
  session?.end();
  companions?.end();
  session = undefined;
  companions = undefined;
  scrub = undefined;
  if (settings.changes.length > 0 && !location.hash.includes("changes")) settings = { ...settings, changes: [] };
  inside.show(undefined, undefined, settings);
  draw();
}

$("go").addEventListener("click", () => {
  if (session?.running) {
    session.stop();
    announce("Stopped");
    draw();
  } else void start();
});
$("step").addEventListener("click", () => void start(1));
$("again").addEventListener("click", () => {
  loaded = undefined;
  reset();
  announce("Ready");
});

rate.addEventListener("input", () => {
  const value = Number((10 ** Number(rate.value)).toPrecision(2));
  $("rate-value").textContent = String(value);
  if (!session || session.step === 0) settings = { ...settings, rate: value };
  if (session) {
    // Recorded with its step, so that a link repeats it.
    const { changes } = session.settings;
    const last = changes.at(-1);
    if (session.step === 0) session.settings.rate = value;
    else if (last && last[0] >= session.step) last[1] = value;
    else changes.push([session.step, value]);
  }
});

const compare = $<HTMLInputElement>("compare");
compare.checked = (navigator.hardwareConcurrency ?? 1) > 2;
compare.addEventListener("change", () => listener.changed());

// --- Files and links ---

$("save").addEventListener("click", async () => {
  if (!session) return;
  const name = `${own?.name ?? "moby-dick"}-${session.settings.cell}`.replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80);
  const file = `${name}.${isNgram(session.settings) ? "ngram" : "safetensors"}`;
  try {
    download(file, (await session.save()) as BlobPart);
    say(`Saved ${file}`);
  } catch (error) {
    failed(error);
  }
});

const modelFile = $<HTMLInputElement>("model-file");
$("load").addEventListener("click", () => modelFile.click());
modelFile.addEventListener("change", () => {
  void openModel(modelFile.files?.[0]);
  modelFile.value = "";
});

/** Loads a network: it writes at once, and trains further on the text that is there. */
async function openModel(file: File | undefined): Promise<void> {
  if (!file) return;
  reset();
  loaded = { name: file.name, bytes: await file.arrayBuffer() };
  if (isNgram(settings)) settings = { ...settings, cell: "lstm", size: 128 };
  if (await begin()) {
    const model = session!.runner!.model;
    settings = {
      ...settings,
      cell: model.config.cell,
      size: model.config.hiddenSize,
      layers: model.config.layers,
      embedding: Math.max(1, model.config.embeddingSize),
      tokens: /word/.test(JSON.stringify(model.tokenizer)) ? "words" : "characters",
    };
    session!.settings.cell = settings.cell;
    fillForm();
    inside.show(session, companions, settings);
    void inside.refresh();
    say(`Loaded ${file.name}: ${fixed(model.parameterCount)} parameters. Press Go on to train it further.`);
  } else loaded = undefined;
}

$("share").addEventListener("click", async () => {
  const shared: Settings = { ...(session?.settings ?? settings) };
  if (shared.text !== "moby-dick" && own) shared.fingerprint = fingerprint(own.text);
  const link = `${location.origin}${location.pathname}#${toLink(shared)}`;
  history.replaceState(null, "", link);
  let copied = true;
  try {
    await navigator.clipboard.writeText(link);
  } catch {
    copied = false;
  }
  const what = shared.text === "moby-dick" ? "" : " It does not hold your text: send that, too.";
  say(
    `${copied ? "Link copied" : "The address bar has the link now"}: settings and seed, which give the same bits to whoever opens it.${what}`,
  );
});

addEventListener("hashchange", () => {
  ({ settings, odd } = fromLink(location.hash));
  reset();
  fillForm();
  aboutLink();
});

function aboutLink(): void {
  if (odd.length > 0)
    say(`The link has settings that mean nothing here, which are ignored: ${odd.slice(0, 5).join(", ")}.`);
  else if (settings.text !== "moby-dick" && !own)
    showText("", "The link is for a text that it does not hold. Paste that text here, or choose Moby-Dick above.");
}

// --- What the page shows ---

let hide: ReturnType<typeof setTimeout>;
function say(message: string): void {
  $("toast").textContent = message;
  clearTimeout(hide);
  hide = setTimeout(() => ($("toast").textContent = ""), 12_000);
}

/** For screen readers: started, stopped, done, and a perplexity at most every 30 seconds; never the sample. */
function announce(message: string): void {
  $("live").textContent = message;
  saidAt = performance.now();
}

let typed: { sample: unknown; since: number } = { sample: undefined, since: 0 };
let lastStats = 0;
function paint(): void {
  const now = performance.now();
  const fresh = now - lastStats >= 100 || !session?.running;
  if (fresh) {
    lastStats = now;
    paintStats();
  } else draw();
  const shown = scrub ?? (session?.samples.length ?? 0) - 1;
  const sample = session?.samples[shown];
  paintSample(sample, now);
  if (!fresh) return;
  const beside = `a ${BESIDE[settings.tokens]}-gram`;
  view = drawCurve(
    $("curve"),
    session,
    session && isNgram(session.settings) ? undefined : companions?.ngramPerplexity,
    beside,
    shown,
  );
  const curve = $("curve");
  curve.setAttribute("aria-valuemax", String(Math.max(0, (session?.samples.length ?? 0) - 1)));
  curve.setAttribute("aria-valuenow", String(Math.max(0, shown)));
  const says = sample
    ? `step ${fixed(sample.step)}${sample.perplexity === undefined ? "" : `, perplexity ${fixed(sample.perplexity, 2)}`}`
    : "none yet";
  curve.setAttribute("aria-valuetext", says);
  if ($<HTMLDetailsElement>("clip-panel").open) drawClip($("clip"), session);
  if (session?.running && sample?.perplexity !== undefined && now - saidAt > 30_000)
    announce(`Held-out perplexity ${fixed(sample.perplexity, 2)}`);
}

function paintStats(): void {
  const running = session?.running ?? false;
  const go = $<HTMLButtonElement>("go");
  const name = starting ? "Wait …" : running ? "Stop" : !session ? "Train" : session.done ? "Train again" : "Go on";
  if (go.textContent !== name) go.textContent = name;
  go.disabled = starting;
  $<HTMLButtonElement>("step").disabled = running || starting || isNgram(settings) || (session?.done ?? false);
  $<HTMLButtonElement>("save").disabled = !session?.model || starting;
  $("again").hidden = !session || running || starting;
  const held = session?.samples[scrub ?? session.samples.length - 1]?.perplexity;
  $("perplexity").textContent = held === undefined ? "–" : fixed(held, held < 100 ? 2 : 0);
  $("speed").textContent = session?.speed ? fixed(session.speed) : "–";
  $("left").textContent = left();
}

function left(): string {
  if (!session || isNgram(session.settings)) return "–";
  if (session.done) return "done";
  if (!session.speed || !session.fitted) return "–";
  const tokens = (session.settings.steps - session.step) * session.fitted.window * session.fitted.batch;
  // Evaluations and looks take about a tenth of the time.
  const seconds = Math.ceil((tokens / session.speed) * 1.1);
  return seconds > 90 ? `${Math.round(seconds / 60)} min` : `${seconds} s`;
}

/** Shows a sample as it is written, a few characters each frame; whole, if the reader moves through them or wants no motion. */
function paintSample(sample: Session["samples"][number] | undefined, now: number): void {
  const place = $("sample");
  if (!sample) {
    typed = { sample: undefined, since: 0 };
    place.className = "none";
    place.textContent = starting
      ? "Reading the text …"
      : "Nothing yet. The first lines come a few seconds after you press Train.";
    $("when").textContent = "";
    return;
  }
  if (typed.sample !== sample) {
    typed = { sample, since: now };
    place.className = "";
    const what =
      sample.step === 0
        ? isNgram(settings)
          ? "after counting"
          : loaded
            ? `as ${loaded.name} left off`
            : "before it has learned anything"
        : `after ${fixed(sample.step)} steps`;
    $("when").textContent = what;
    place.replaceChildren(el("b", {}, sample.prompt), "");
  }
  const text = place.lastChild as Text;
  const full = `${sample.text.replace(/\s+/g, " ")} …`;
  const whole = quiet() || scrub !== undefined || document.hidden;
  const wanted = whole ? full : full.slice(0, Math.floor((now - typed.since) / 6));
  if (text.data.length !== wanted.length) text.data = wanted;
  if (wanted.length < full.length) draw();
}

const curve = $("curve");
const scrubTo = (i: number | undefined) => {
  scrub = i;
  draw();
};
curve.addEventListener("pointermove", (event) => {
  if (session?.samples.length) scrubTo(view?.nearest(event.clientX - curve.getBoundingClientRect().left));
});
curve.addEventListener("pointerleave", () => scrubTo(undefined));
curve.addEventListener("keydown", (event) => {
  const last = (session?.samples.length ?? 0) - 1;
  const to = { ArrowLeft: (scrub ?? last) - 1, ArrowRight: (scrub ?? last) + 1, Home: 0, End: last }[event.key];
  if (event.key === "Escape") scrubTo(undefined);
  if (to === undefined || last < 0) return;
  event.preventDefault();
  scrubTo(Math.max(0, Math.min(last, to)));
});
$("clip-panel").addEventListener("toggle", draw);
new ResizeObserver(draw).observe(curve);
onScheme(draw);

fillForm();
inside.show(undefined, undefined, settings);
aboutLink();
draw();
offline();
