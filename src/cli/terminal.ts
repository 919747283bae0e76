// How wide the terminal is.

/** Of what is no terminal, and of a terminal that does not say. */
const USUAL = 80;

/** The columns of a stream's terminal, which may be resized at any time. */
export const columnsOf = ({ isTTY, columns }: { isTTY?: boolean; columns?: number }): number =>
  (isTTY && columns) || USUAL;
