// The page opens without its ground station, and can be installed: `public/sw.js` keeps it. Where the browser allows
// none, as over plain HTTP in a network, nothing is lost.

export function keepPage(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const register = () => void navigator.serviceWorker.register("/sw.js").catch(() => {});
  // What is shown first comes first.
  if (document.readyState === "complete") register();
  else addEventListener("load", register);
}
