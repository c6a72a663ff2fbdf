// What a sender of actions is called among people. Pure.

import { displayName } from "../drive/client-id";
import type { Sender } from "../wire";
import { texts } from "../language";

/** A person as the station knows them, or else by the name in their client id. */
export function senderName({ id, user }: Pick<Sender, "id" | "user">): string {
  if (user !== undefined) return user.replace(/^(user|certificate)-/, "").replace(/^key-(.*)/, (_, key: string) => texts.keyNumber(key));
  // All who name no sender share one id.
  return id === "mqtt" ? texts.aProgram : displayName(id);
}
