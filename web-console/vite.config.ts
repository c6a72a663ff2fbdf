import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds a ground-station; the built page is served by it. */
const station = process.env["OUTPOST_STATION"] ?? "http://127.0.0.1:8080";
const api = ["/login", "/robots", "/telemetry", "/publish", "/healthz", "/display.png"];

export default defineConfig({
  build: { target: "es2022", assetsInlineLimit: 0 },
  server: { proxy: Object.fromEntries(api.map((path) => [path, station])) },
  test: { include: ["test/**/*.test.ts"] },
});
