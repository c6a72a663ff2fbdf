// AWS Signature Version 4 for a POST whose signature travels in its header, as the calls
// of Kinesis Video Streams want it. Three calls do not earn an SDK of megabytes.

/** Keys as AWS and ground-station hand them out; a long-lived key has no session token. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface Scope {
  region: string;
  service: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";

/**
 * The headers to send beside those in `headers`, all of which are signed too. The path of
 * `url` is taken as it stands and must need no escaping; it must have no query.
 */
export async function signed(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  credentials: Credentials,
  { region, service }: Scope,
  now: Date,
): Promise<Record<string, string>> {
  const stamp = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const scope = `${stamp.slice(0, 8)}/${region}/${service}/aws4_request`;
  const ours: Record<string, string> = {
    "x-amz-date": stamp,
    ...(credentials.sessionToken === undefined ? {} : { "x-amz-security-token": credentials.sessionToken }),
  };
  const all = Object.entries({ ...headers, ...ours, host: url.host })
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = all.map(([name]) => name).join(";");
  const lines = all.map(([name, value]) => `${name}:${value}\n`).join("");
  const request = ["POST", url.pathname, "", lines, names, await sha256(body)].join("\n");
  const toSign = [ALGORITHM, stamp, scope, await sha256(request)].join("\n");

  let key: BufferSource = bytes(`AWS4${credentials.secretAccessKey}`);
  for (const part of scope.split("/")) key = await hmac(key, part);
  const signature = hex(await hmac(key, toSign));
  return {
    ...ours,
    authorization: `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}

async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", bytes(text)));
}

async function hmac(key: BufferSource, text: string): Promise<ArrayBuffer> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, bytes(text));
}

function hex(buffer: ArrayBuffer): string {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
