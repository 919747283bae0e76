// Formats the help, no wider than the terminal.

import { type Command, type CommandName, commands, type Flag } from "./commands.js";

const FLAG_COLUMN = 32;

/** @param columns width of the terminal */
export function help(command: CommandName | undefined, columns: number): string {
  const width = Math.max(20, Math.min(columns, 80));
  const lines = command ? commandHelp(commands[command], width) : overview(width);
  return lines.join("\n");
}

function overview(width: number): string[] {
  return [
    ...wrap("usage: rivulet COMMAND …", width, 4),
    "",
    ...Object.values(commands).flatMap(({ usage, about }) => entry(usage, about, 26, width)),
    "",
    "Examples:",
    ...["train book.txt --hidden 128 --epochs 10", "generate model.safetensors --prompt Once"].flatMap((line) =>
      wrap(`  rivulet ${line}`, width, 4),
    ),
    "",
    ...wrap("rivulet help COMMAND lists a command's flags; rivulet --version prints the version.", width, 0),
  ];
}

function commandHelp({ usage, about, groups, examples }: Command, width: number): string[] {
  const sections = Object.entries(groups).flatMap(([heading, flags]) => [
    "",
    ...wrap(`${heading}:`, width, 0),
    ...Object.entries<Flag>(flags).flatMap(([name, { value, help }]) =>
      entry(`--${name}${value ? ` ${value}` : ""}`, help, FLAG_COLUMN, width),
    ),
  ]);
  const shown = examples.flatMap(([line, does]) => [
    ...wrap(`  ${line}`, width, 4),
    ...(does ? wrap(`      ${does}`, width, 6) : []),
  ]);
  return [
    ...wrap(`usage: ${usage} [flags]`, width, 4),
    ...wrap(about, width, 0),
    ...sections,
    "",
    "Examples:",
    ...shown,
  ];
}

/** Formats a name and its explanation: side by side if there is room, otherwise one below the other. */
function entry(name: string, text: string, column: number, width: number): string[] {
  if (width < column + 24) return [...wrap(`  ${name}`, width, 4), ...wrap(`      ${text}`, width, 6)];
  const [first = "", ...rest] = wrap(text, width - column - 2, 0);
  const indent = " ".repeat(column + 2);
  const head = `  ${name}`.padEnd(column + 2);
  const start = head.length > column + 2 || !head.endsWith(" ") ? [head.trimEnd(), indent + first] : [head + first];
  return [...start, ...rest.map((line) => indent + line)];
}

/** Wraps a text at spaces into lines of at most `width` characters, and indents all but the first. */
export function wrap(text: string, width: number, indent: number): string[] {
  const lines: string[] = [];
  const start = /^ */.exec(text)![0];
  let line = start;
  for (const word of text.trimStart().split(" ")) {
    // A word longer than a line, such as a list of choices, is broken, after a "|" if possible.
    let rest = word;
    const empty = line.trim() === "";
    if (!empty && line.length + 1 + rest.length <= width) {
      line += ` ${rest}`;
      continue;
    }
    if (!empty) {
      lines.push(line);
      line = " ".repeat(indent);
    }
    while (line.length + rest.length > width) {
      const room = width - line.length;
      const bar = rest.lastIndexOf("|", room - 1) + 1;
      const at = bar > 0 ? bar : room;
      lines.push(line + rest.slice(0, at));
      rest = rest.slice(at);
      line = " ".repeat(indent);
    }
    line += rest;
  }
  return [...lines, line];
}
