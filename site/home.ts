// The start page: complete without this script, which plays the samples again and copies a command.

import { $, offline, quiet } from "./dom.js";

const rows = [...$("strip").children] as HTMLElement[];
const show = (now: number) => {
  rows.forEach((row, i) => {
    row.className = i === now ? "now" : i > now ? "wait" : "";
  });
};

let timer: ReturnType<typeof setInterval>;
$("play").addEventListener("click", () => {
  clearInterval(timer);
  let row = quiet() ? rows.length - 1 : 0;
  show(row);
  if (row > 0) return;
  timer = setInterval(() => {
    show(++row);
    if (row < rows.length - 1) return;
    clearInterval(timer);
    $("live").textContent = "Training done";
  }, 900);
});

$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText("npm install rivulet");
    $("copy").textContent = "Copied";
  } catch {
    $("copy").textContent = "Select it";
  }
  setTimeout(() => ($("copy").textContent = "Copy"), 2000);
});
offline();
