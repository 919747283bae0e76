// Signals that would end the process: they are caught while something of the user's would be lost.

import { constants } from "node:os";

/** The signals that end a process, can be caught, and mean nothing to Node or to a debugger or profiler. */
const NAMES =
  "SIGINT SIGTERM SIGHUP SIGQUIT SIGBREAK SIGABRT SIGUSR2 SIGALRM SIGVTALRM SIGXCPU SIGIO SIGPWR SIGSTKFLT".split(
    " ",
  ) as NodeJS.Signals[];

/** Exit code of a command that a signal ended. */
const codeOf = (signal: NodeJS.Signals) => 128 + constants.signals[signal];

/**
 * Calls `caught` for each signal, with the exit code that it stands for.
 * @returns how to have signals end the process again
 */
export function catchSignals(caught: (code: number) => void): () => void {
  const listener = (signal: NodeJS.Signals) => caught(codeOf(signal));
  const here = NAMES.filter((name) => name in constants.signals);
  for (const name of here) process.on(name, listener);
  return () => {
    for (const name of here) process.off(name, listener);
  };
}
