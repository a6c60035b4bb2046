/* Requests that are repeated until the server has answered. The secret of the link goes into a header and never into an
   address, so that it is in no log. */
const LONGEST_WAIT = 8000, PATIENCE = 30000;

/* The answer {status, body}, or for a picture {status, body: Blob}. `waiting(true)` where there is no connection, the
   server fails or asks for patience; a vote that arrives twice is refused the second time, so repeating is safe. */
export async function ask(path, { send = null, waiting = () => {} } = {}) {
  for (let wait = 400; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    const answer = await tryOnce(path, send);
    if (answer) {
      waiting(false);
      return answer;
    }
    waiting(true);
    await pause(wait * (.75 + Math.random() / 2));
  }
}

async function tryOnce(path, send) {
  const headers = { Authorization: `Bearer ${location.hash.slice(1)}` }, signal = AbortSignal.timeout(PATIENCE);
  const options = send ? { method: "POST", body: JSON.stringify(send) } : {};
  if (send) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(path, { ...options, headers, signal, cache: "no-store", credentials: "omit" });
    if (answer.status === 429 || answer.status >= 500) return null;
    const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
    return { status: answer.status, body: await (isJson ? answer.json() : answer.blob()) };
  } catch {
    return null;
  }
}

function pause(milliseconds) {
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", () => { clearTimeout(timer); done(); }, { once: true });
  });
}
