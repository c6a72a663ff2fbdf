import { webcrypto } from "node:crypto";
import { expect, test } from "vitest";
import { signedHeaders, signedUrl } from "../src/kvs/sigv4";

// Node 18 has WebCrypto, but not under the browser's name.
globalThis.crypto ??= webcrypto as Crypto;

// Keys, session token and time of the test suite that AWS published for Signature Version 4.
const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
};
const sessionToken =
  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
const now = new Date("2015-08-30T12:36:00.789Z");
const body = '{"ChannelName":"rövér"}';

test("every header of a call is signed", async () => {
  const url = new URL("https://kinesisvideo.us-east-1.amazonaws.com/describeSignalingChannel");
  expect(Object.fromEntries(await signedHeaders(credentials, url, body, now))).toEqual({
    "content-type": "application/json",
    "x-amz-date": "20150830T123600Z",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/kinesisvideo/aws4_request, " +
      "SignedHeaders=content-type;host;x-amz-date, " +
      "Signature=956ff1246df1adc8245c1cfdb58f5d4428e0e1ff53df35f47efe577cb2290d73",
  });
});

test("a session token is sent and signed, and the port with the host", async () => {
  const url = new URL("https://localhost:8443/v1/get-ice-server-config");
  const headers = await signedHeaders({ ...credentials, sessionToken }, url, body, now);
  expect(headers.get("x-amz-security-token")).toBe(sessionToken);
  expect(headers.get("authorization")).toContain(
    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, " +
      "Signature=ad4a9023d50ed50fac8c65236e51913c5a9edb97cb72c0985f552a250e6e1493",
  );
});

const channel = "arn:aws:kinesisvideo:us-east-1:000000000000:channel/rover/1700000000000";
const query = { "X-Amz-ChannelARN": channel, "X-Amz-ClientId": "Ada-Lovelace_1.x-0000002a" };

/** As the signer of amazon-kinesis-video-streams-webrtc 2.9.0 writes it. */
const official = (origin: string, signature: string, token = "") =>
  `${origin}/?X-Amz-Algorithm=AWS4-HMAC-SHA256` +
  `&X-Amz-ChannelARN=${encodeURIComponent(channel)}&X-Amz-ClientId=Ada-Lovelace_1.x-0000002a` +
  "&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fkinesisvideo%2Faws4_request" +
  `&X-Amz-Date=20150830T123600Z&X-Amz-Expires=299${token}&X-Amz-Signature=${signature}&X-Amz-SignedHeaders=host`;

test("the socket's URL is byte for byte the official client's", async () => {
  const endpoint = "wss://v-1a2b3c4d.kinesisvideo.us-east-1.amazonaws.com";
  expect(await signedUrl(credentials, endpoint, query, now)).toBe(
    official(endpoint, "1e8ff806d305111ee9037d3e57e5184d5118fd80d50b50dcde65f240759a4e6b"),
  );
});

test("it carries the session token, and without TLS differs in its scheme only", async () => {
  const token = `&X-Amz-Security-Token=${encodeURIComponent(sessionToken)}`;
  for (const endpoint of ["wss://localhost:8443", "ws://localhost:8443"]) {
    expect(await signedUrl({ ...credentials, sessionToken }, endpoint, query, now)).toBe(
      official(endpoint, "ba471ebd32e2557f1be8b196b28b937f66e4209c9def88ba930c36dc8a8130c9", token),
    );
  }
});
