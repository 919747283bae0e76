// Sends the test what came of it: a value, or the error.

export async function post(work) {
  let answer;
  try {
    answer = { result: await work() };
  } catch (error) {
    answer = { error: `${error}`, cause: error.cause && `${error.cause}` };
  }
  await fetch("/result", { method: "POST", body: JSON.stringify(answer) });
}
