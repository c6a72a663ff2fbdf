// What is missing where the page came by plain HTTP over a network, and where it is not missing.

import * as api from "../station/api";
import { el } from "./dom";

/** Null where the browser forbids nothing. */
export function insecureNotice(): HTMLElement | null {
  if (isSecureContext) return null;
  const where = el("span", {}, "the ground station's HTTPS address");
  const link = (address: string) => where.replaceChildren(el("a", { href: address }, address));
  void api.secureAddress().then(link, () => {});
  return el(
    "p",
    { class: "notice", role: "status" },
    "This address is not encrypted: here the browser allows no picture, and perhaps no gamepad. They are at ",
    where,
  );
}
