// Waiting for what happens, rather than for time to pass.

/** Nothing that works takes this long, on a slow machine either. */
export const TIMEOUT_MS = 20_000;

const LOOK_MS = 20;

/** What `look` gives as soon as it is neither null, undefined nor false. */
export async function eventually(what, look, timeoutMs = TIMEOUT_MS) {
  const deadline = performance.now() + timeoutMs;
  let last;
  do {
    try {
      const seen = await look();
      if (seen !== null && seen !== undefined && seen !== false) return seen;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  } while (performance.now() < deadline);
  throw new Error(`in vain: ${what}`, { cause: last });
}
