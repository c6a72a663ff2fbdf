import { webcrypto } from "node:crypto";
import { expect, test } from "vitest";
import { signed } from "../src/kvs/sign";

// Node 18 has WebCrypto, but not under the browser's name.
globalThis.crypto ??= webcrypto as Crypto;

// Keys, times and signatures of the test suite that AWS published for Signature Version 4.
const credentials = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const sessionToken =
  "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
const url = new URL("https://example.amazonaws.com/");
const scope = { region: "us-east-1", service: "service" };
const now = new Date("2015-08-30T12:36:00Z");

test("a bare POST has the published signature", async () => {
  expect(await signed(url, {}, "", credentials, scope, now)).toEqual({
    "x-amz-date": "20150830T123600Z",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
      "SignedHeaders=host;x-amz-date, " +
      "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  });
});

test("a session token is sent and signed", async () => {
  const headers = await signed(url, {}, "", { ...credentials, sessionToken }, scope, now);
  expect(headers["x-amz-security-token"]).toBe(sessionToken);
  expect(headers["authorization"]).toContain(
    "Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
  );
});

test("a body and the caller's own headers are signed, in order and in lower case", async () => {
  const headers = {
    "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    "Content-Length": "13",
    "x-amz-content-sha256": "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
  };
  const { authorization } = await signed(url, headers, "Param1=value1", credentials, scope, now);
  expect(authorization).toContain(
    "Signature=328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
  );
});

test("the port is part of the host that is signed", async () => {
  const at = (text: string) => signed(new URL(text), {}, "", credentials, scope, now);
  const [plain, ported] = await Promise.all([at("https://station"), at("https://station:8443")]);
  expect(plain!["authorization"]).not.toBe(ported!["authorization"]);
});
