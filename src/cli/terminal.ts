// The width of the terminal.

/** Width assumed for files, pipes, and terminals that do not report theirs. */
const USUAL = 80;

/** Width of a stream's terminal in columns. It may change at any time: call this before each use. */
export const columnsOf = ({ isTTY, columns }: { isTTY?: boolean; columns?: number }): number =>
  (isTTY && columns) || USUAL;
