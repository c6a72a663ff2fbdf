// Keeps the page itself, so that it opens without its ground station and says so. The newest one is asked for first,
// every time; nothing that is told about robots goes through here.

const CACHE = "outpost-page";

/** A server that is there answers in milliseconds; nobody waits for longer before they see anything. */
const PATIENCE_MS = 4_000;

const isPart = ({ pathname }) => pathname.startsWith("/assets/") || /^\/(icon-\d+\.png|manifest\.webmanifest)$/.test(pathname);

self.addEventListener("install", (event) => {
  event.waitUntil(fresh());
  self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate" && url.pathname === "/") {
    const answer = fresh();
    event.waitUntil(answer.catch(() => {}));
    event.respondWith(answer.catch(() => kept("/")));
  } else if (isPart(url)) {
    event.respondWith(part(request));
  }
});

/** The newest page; what belongs to an older one is forgotten, and what belongs to it is kept. */
async function fresh() {
  const answer = await fetch("/", { cache: "no-cache", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`the page answered ${answer.status}`);
  const cache = await caches.open(CACHE);
  const html = await answer.clone().text();
  const before = await (await cache.match("/", { ignoreVary: true }))?.text();
  if (html !== before) {
    for (const request of await cache.keys()) await cache.delete(request);
    const parts = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
    await cache.addAll(parts);
    await cache.put("/", answer.clone());
  }
  return answer;
}

/** A part's name tells its content: one that is kept is as good as a new one. */
async function part(request) {
  const cache = await caches.open(CACHE);
  const found = await cache.match(request, { ignoreVary: true });
  if (found !== undefined) return found;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}

async function kept(path) {
  return (await (await caches.open(CACHE)).match(path, { ignoreVary: true })) ?? Response.error();
}
