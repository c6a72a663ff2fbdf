// How long to wait before the next attempt. Pure.

/** First wait: long enough not to hammer a server that is just starting. */
const FIRST_MS = 400;

/** Longest wait: who looks at the page should not have to reload it. */
const LONGEST_MS = 8_000;

/** `failures` in a row from 1; `random` in [0, 1) spreads pages that all lost one server. */
export function backoff(failures: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return Math.round(full * (0.5 + random / 2));
}
