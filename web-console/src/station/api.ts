// The HTTP calls of ground-station that the page makes. Same origin, JSON, bearer token.

import type { ViewerCredentials } from "../kvs/channel";
import type { Credentials } from "../kvs/sigv4";
import { readRobot } from "../telemetry-shape";
import { isRest, type Action, type DriveEntry, type Robot } from "../wire";
import { texts } from "../language";
import { span } from "../format";

/** An answer other than 2xx, with the reason the server gave. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** How long to wait before another try, where the server says so. */
    readonly retryAfterS = NaN,
  ) {
    super(message);
  }

  /** The token is not, or no longer, good. */
  get unauthorized(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

export interface Login {
  token: string;
  expires_at: number;
  user: string;
  robots: string[];
}

/** An action that takes longer than this to be answered is too old to matter. */
const PUBLISH_TIMEOUT_MS = 2_000;

/** Any other call; a server that is up answers in milliseconds. */
const CALL_TIMEOUT_MS = 8_000;

export async function login(user: string, password: string): Promise<Login> {
  return call("POST", "/login", { body: { user, password } });
}

export async function robots(token: string): Promise<{ now_ms: number; robots: Robot[] }> {
  const list = await call<{ now_ms: number; robots: Robot[] }>("GET", "/robots", { token });
  return { ...list, robots: list.robots.map(readRobot) };
}

/** `keepalive` lets rest out even while the page is being closed. */
export async function publish(token: string, robot: string, action: Action): Promise<void> {
  await call("POST", `/robots/${encodeURIComponent(robot)}/publish`, {
    token,
    body: action,
    timeoutMs: PUBLISH_TIMEOUT_MS,
    keepalive: isRest(action),
  });
}

/** Where the same page is by HTTPS: browsers forbid much to a page that came without. */
export async function secureAddress(): Promise<string> {
  const { https_port: port } = await call<{ https_port?: number }>("GET", "/healthz", {});
  return `https://${location.hostname}:${port ?? 8443}/`;
}

/** Temporary credentials to view one robot's channel. */
export async function viewerCredentials(token: string, robot: string): Promise<ViewerCredentials> {
  const { channelArn, ...credentials } = await call<Credentials & { channelArn: string }>(
    "POST",
    `/robots/${encodeURIComponent(robot)}/viewer`,
    { token },
  );
  return {
    ...credentials,
    // Where the page came from, the signaling is too, under a name this browser trusts.
    endpoint: location.origin,
    channel: { arn: channelArn },
  };
}

/** Who drove a robot, the newest first. */
export async function driveLog(token: string, robot: string): Promise<DriveEntry[]> {
  const log = await call<{ entries: DriveEntry[] }>("GET", `/robots/${encodeURIComponent(robot)}/log`, { token });
  return log.entries;
}

/** What the display on the desk shows now; null where there is none. */
export async function displayImage(token: string): Promise<Blob | null> {
  const answer = await fetch("/display.png", { headers: bearer(token), cache: "no-store" });
  return answer.ok && answer.headers.get("content-type") === "image/png" ? answer.blob() : null;
}

/** The open stream of telemetry events. */
export async function telemetry(token: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const answer = await fetch("/telemetry", { headers: bearer(token), signal, cache: "no-store" });
  if (!answer.ok) throw await apiError(answer);
  if (answer.body === null) throw new Error("the stream of telemetry has no body");
  return answer.body;
}

interface Options {
  token?: string;
  body?: unknown;
  timeoutMs?: number;
  keepalive?: boolean;
}

async function call<T>(method: string, path: string, options: Options): Promise<T> {
  const answer = await fetch(path, {
    method,
    headers: {
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...(options.token === undefined ? {} : bearer(options.token)),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(options.timeoutMs ?? CALL_TIMEOUT_MS),
    keepalive: options.keepalive ?? false,
    cache: "no-store",
  });
  if (!answer.ok) throw await apiError(answer);
  return (await answer.json()) as T;
}

function bearer(token: string): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

async function apiError(answer: Response): Promise<ApiError> {
  const body: unknown = await answer.json().catch(() => null);
  const message = body !== null && typeof body === "object" && "message" in body ? body.message : null;
  const retryAfterS = Number(answer.headers.get("retry-after") ?? NaN);
  return new ApiError(answer.status, typeof message === "string" ? message : texts.serverAnswered(String(answer.status)), retryAfterS);
}

/** Any failure in words for the person in front of the page. */
export function errorMessage(error: unknown): string {
  if (error instanceof ApiError) return error.status === 429 ? tooMany(error.retryAfterS) : error.message;
  if (error instanceof DOMException && error.name === "TimeoutError") return texts.serverSilent;
  // fetch says so, in other words in every browser.
  if (error instanceof TypeError && /fetch|network|load failed/i.test(error.message)) {
    return texts.serverUnreached;
  }
  return error instanceof Error ? error.message : String(error);
}

function tooMany(retryAfterS: number): string {
  return Number.isFinite(retryAfterS) ? texts.tooManyAttempts(span(retryAfterS)) : texts.tooManyRequests;
}
