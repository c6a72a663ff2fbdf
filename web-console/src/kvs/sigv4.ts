// AWS Signature Version 4 of what the page asks of Kinesis Video Streams: calls, whose
// signature travels in a header, and the signaling socket, whose signature is in its URL.

import { AwsV4Signer } from "aws4fetch";

/** Keys as AWS and ground-station hand them out; a long-lived key has no session token. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  region: string;
}

/** How long the socket's URL can be opened, as the official client has it: a second below the service's limit. */
const SOCKET_SECONDS = "299";

/** The headers of a POST of JSON, all of which are signed. */
export async function signedHeaders(credentials: Credentials, url: URL, body: string, now: Date): Promise<Headers> {
  requireCrypto();
  const headers = { "content-type": "application/json" };
  const signer = new AwsV4Signer({ ...scope(credentials, now), method: "POST", url: url.href, headers, body, allHeaders: true });
  return (await signer.sign()).headers;
}

/** The URL of a socket, byte for byte as the official client writes it, but also for `ws:`. */
export async function signedUrl(
  credentials: Credentials,
  endpoint: string,
  query: Readonly<Record<string, string>>,
  now: Date,
): Promise<string> {
  const url = new URL(endpoint);
  url.search = new URLSearchParams({ ...query, "X-Amz-Expires": SOCKET_SECONDS }).toString();
  const signed = await new AwsV4Signer({ ...scope(credentials, now), url: url.href, signQuery: true }).sign();
  signed.url.searchParams.sort();
  return signed.url.href;
}

/** Browsers have no signatures for pages that came by plain HTTP over a network. */
function requireCrypto(): void {
  if (globalThis.crypto?.subtle === undefined) throw new Error("this browser shows a picture only over HTTPS");
}

function scope({ accessKeyId, secretAccessKey, sessionToken, region }: Credentials, now: Date) {
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    region,
    service: "kinesisvideo",
    datetime: now.toISOString().replace(/[:-]|\.\d{3}/g, ""),
  };
}
