// A phone that falls asleep in the hand takes the page with it: the screen is kept on while somebody
// watches or drives.

/** How often it is looked whether that is so. */
const LOOK_MS = 5_000;

/** Until `until` is aborted. Where the browser cannot, or the battery is low, nothing is lost. */
export function keepAwake(wanted: () => boolean, until: AbortSignal): void {
  const { wakeLock } = navigator as Partial<Pick<Navigator, "wakeLock">>;
  if (wakeLock === undefined) return;
  let lock: WakeLockSentinel | null = null;
  const look = async () => {
    const want = wanted() && !document.hidden && !until.aborted;
    if (want && (lock === null || lock.released)) lock = await wakeLock.request("screen").catch(() => null);
    // The page may have been left while the browser thought about it.
    if (until.aborted || !want) await lock?.release();
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  until.addEventListener("abort", () => {
    clearInterval(timer);
    void look();
  });
  // A hidden page has lost it.
  document.addEventListener("visibilitychange", () => void look(), { signal: until });
}
