// Catches the signals that would end the process while the user's work could be lost.

import { constants } from "node:os";

/** Signals that end a process by default, can be caught, and have no meaning to Node, debuggers or profilers. */
const NAMES =
  "SIGINT SIGTERM SIGHUP SIGQUIT SIGBREAK SIGABRT SIGUSR2 SIGALRM SIGVTALRM SIGXCPU SIGIO SIGPWR SIGSTKFLT".split(
    " ",
  ) as NodeJS.Signals[];

/** Exit code of a command that a signal ended. */
const codeOf = (signal: NodeJS.Signals) => 128 + constants.signals[signal];

/**
 * Calls `caught` for each signal, with the exit code of a command that it ended.
 * @returns a function after which signals end the process again
 */
export function catchSignals(caught: (code: number) => void): () => void {
  const listener = (signal: NodeJS.Signals) => caught(codeOf(signal));
  const here = NAMES.filter((name) => name in constants.signals);
  for (const name of here) process.on(name, listener);
  return () => {
    for (const name of here) process.off(name, listener);
  };
}
