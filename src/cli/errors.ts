/** Runs an action; an error of it that does not say which file it is about is given the file's name. */
export async function named<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { message } = error as Error;
    if (message.includes(path)) throw error;
    throw new Error(`${path === "-" ? "standard input" : JSON.stringify(path)}: ${message}`, { cause: error });
  }
}
