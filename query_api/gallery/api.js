/* Asks the query API, with the key that this tab was given. */

const KEY = "scalehoster-key";

export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Take the key from the address (…#key=shk_…), where it must not stay. */
export function takeKeyFromAddress() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key) {
    sessionStorage.setItem(KEY, key);
    history.replaceState(null, "", location.pathname + location.search);
  }
}

export const hasKey = () => sessionStorage.getItem(KEY) !== null;
export const keepKey = (key) => sessionStorage.setItem(KEY, key.trim());
export const forgetKey = () => sessionStorage.removeItem(KEY);

/** Fetch JSON; throws a Problem with a sentence for people. */
export async function get(path) {
  let answer;
  try {
    answer = await fetch(path, {
      headers: { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` },
    });
  } catch {
    throw new Problem(0, "The server cannot be reached.");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    throw new Problem(answer.status, body.detail ?? body.title ?? `HTTP ${answer.status}`);
  }
  return body;
}
