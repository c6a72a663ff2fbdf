import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds a ground-station; the built page is served by it. */
const station = process.env["OUTPOST_STATION"] ?? "http://127.0.0.1:8080";
const api = ["/login", "/robots", "/telemetry", "/display.png", "/getSignalingChannelEndpoint", "/v1"];

/** Keys of an AWS account may be typed into the page: nothing else may run in it, and what it
 * is told goes back where it came from, or to AWS. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self' https://*.amazonaws.com wss://*.amazonaws.com https://*.api.aws wss://*.api.aws",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Only in the build: Vite's own reloading is made of what the policy forbids. */
const contentSecurityPolicy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    { tag: "meta", attrs: { "http-equiv": "Content-Security-Policy", content: policy }, injectTo: "head-prepend" },
  ],
};

/** What a ground station serves to browsers that take it: it compresses nothing itself. */
const compressed: Plugin = {
  name: "compressed",
  apply: "build",
  generateBundle: {
    order: "post",
    handler(_, bundle) {
      for (const file of Object.values(bundle)) {
        const source = file.type === "chunk" ? file.code : file.source;
        if (/\.(js|css|html)$/.test(file.fileName)) this.emitFile({ type: "asset", fileName: `${file.fileName}.gz`, source: gzipSync(source, { level: 9 }) });
      }
    },
  },
};

export default defineConfig({
  plugins: [contentSecurityPolicy, compressed],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The client by itself: a new version of the page leaves it where it is.
    rollupOptions: { output: { manualChunks: { signaling: ["amazon-kinesis-video-streams-webrtc"] } } },
  },
  resolve: { alias: [{ find: /^tslib$/, replacement: fileURLToPath(new URL("slim/tslib.js", import.meta.url)) }] },
  server: {
    proxy: {
      ...Object.fromEntries(api.map((path) => [path, station])),
      // The signaling socket is at the root; Vite's own has no such query.
      "^/\\?X-Amz-": { target: station, ws: true },
    },
  },
  test: { include: ["test/**/*.test.ts"] },
});
