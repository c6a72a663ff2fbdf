// What is missing where the page came by plain HTTP over a network, and where it is not missing.

import * as api from "../station/api";
import { el } from "./dom";
import { texts } from "../language";

/** Null where the browser forbids nothing. */
export function insecureNotice(): HTMLElement | null {
  if (isSecureContext) return null;
  const where = el("span", {}, texts.httpsAddress);
  const link = (address: string) => where.replaceChildren(el("a", { href: address }, address));
  void api.secureAddress().then(link, () => {});
  return el(
    "p",
    { class: "notice", role: "status" },
    texts.insecure,
    where,
  );
}
