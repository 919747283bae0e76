// The pages: a frame, the text of each, equations, and quoted lines of the source.
import { readdirSync, readFileSync } from "node:fs";
import temml from "temml";
import { POLICY } from "./serve.mjs";

const here = new URL(".", import.meta.url);
const read = (path) => readFileSync(new URL(path, here), "utf8");
const escaped = (text) =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

/** @param on which entry of the navigation this page belongs to */
function page({ file, title, description, script, on, body }) {
  const current = (name) => (on === name ? ' aria-current="true"' : "");
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${escaped(title)}</title>
<meta name="description" content="${escaped(description)}">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="icon.svg">
<link rel="stylesheet" href="style.css">
<script type="module" src="${script}.js"></script>
</head>
<body class="${script}">
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><a class="name" href="./"${current("home")}>rivulet</a><nav aria-label="Site"><a href="./#course"${current("course")}>Course</a><a href="lab.html"${current("lab")}>Lab</a></nav></header>
<main class="page" id="main">
${body}
</main>
</body>
</html>
`;
  return { file, html };
}

const files = readdirSync(new URL("chapters/", here))
  .filter((name) => name.endsWith(".html"))
  .sort();
/** Number, file, title and a sentence about each chapter, from the comment at the top of its file. */
const list = files.map((name, i) => {
  const source = read(`chapters/${name}`);
  const [comment, title, about] = source.match(/^<!-- (.+?): (.+?) -->\n/) ?? [];
  if (!comment) throw new Error(`site/chapters/${name} expected a first line <!-- title: about -->`);
  return { number: i + 1, file: name.replace(/^0/, ""), title, about, body: source.slice(comment.length) };
});

export const home = () =>
  page({
    file: "index.html",
    title: "rivulet: sequence models that learn in a page",
    description:
      "Train a language model on your own text, in the page you are reading. A course, a lab and a JavaScript library.",
    script: "home",
    on: "home",
    body: read("home.html").replace(
      "<!-- chapters -->",
      list
        .map(
          ({ number, file, title, about }) =>
            `<li><a href="${file}"><i>${number}</i><b>${title}</b><span>${about}</span></a></li>`,
        )
        .join("\n"),
    ),
  });

export const lab = () =>
  page({
    file: "lab.html",
    title: "Lab · rivulet",
    description: "Train a sequence model on your own text, in this page, and watch it learn.",
    script: "lab",
    on: "lab",
    body: read("lab/lab.html"),
  });

export const chapters = () =>
  list.map(({ number, file, title, about, body }) => {
    const link = (to, words) =>
      to
        ? `<a href="${to.file}"><small>${words(to.number)}</small>${to.title}</a>`
        : `<a href="lab.html"><small>And now</small>The lab</a>`;
    const before =
      number > 1 ? link(list[number - 2], (n) => `← Chapter ${n}`) : `<a href="./"><small>← Start</small>rivulet</a>`;
    return page({
      file,
      title: `${number} ${title} · rivulet`,
      description: about,
      script: "course",
      on: "course",
      body: `<p class="no">Chapter ${number} of ${list.length}</p>
<h1>${title}</h1>
<div class="prose">
${quoted(equations(body, file), file).trim()}
</div>
<nav class="turn" aria-label="Chapters">${before}${link(list[number], (n) => `Chapter ${n} →`)}</nav>`,
    });
  });

/** Replaces $$LaTeX$$ and $LaTeX$ by MathML. The policy allows no style attributes, which Temml adds to some fractions. */
function equations(html, file) {
  const mathml = (latex, displayMode) => {
    const source = latex.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
    const math = temml.renderToString(source, { displayMode, throwOnError: true });
    if (!math.startsWith("<math")) throw new Error(`${file}: no equation: ${latex}`);
    return math
      .replace(/ style="[^"]*"/g, "")
      .replace(/ class="[^"]*"/g, (c) => (displayMode && c.includes("tml-display") ? c : ""));
  };
  return html
    .replace(/\$\$(.+?)\$\$/gs, (_, latex) => mathml(latex, true))
    .replace(/\$(.+?)\$/g, (_, latex) => mathml(latex, false));
}

/**
 * Replaces {{path: code}} by that code, as it stands in the source, and where. Code over several lines is found with any
 * indentation. A line that has changed fails the build.
 */
function quoted(html, file) {
  return html.replace(/\{\{([\w./-]+): (.+?)\}\}/gs, (_, path, code) => {
    const lines = read(`../${path}`).split("\n");
    const wanted = code.split("\n").map((line) => line.trim());
    const at = lines.findIndex((_, i) => wanted.every((line, k) => lines[i + k]?.includes(line)));
    if (at < 0) throw new Error(`${file} quotes ${path}, which does not have ${wanted.join(" / ")}`);
    const part = lines.slice(at, at + wanted.length);
    const margin = Math.min(...part.map((line) => line.search(/\S/)));
    const text = part.map((line) => line.slice(margin)).join("\n");
    return `<figure class="source"><pre tabindex="0"><code>${escaped(text)}</code></pre><figcaption>${path}, line ${at + 1}</figcaption></figure>`;
  });
}
