// Who is signed in. Stored for as long as the tab lives, so a reload does not ask again.

import type { Login } from "./api";

const KEY = "outpost.session";

export interface Session {
  token: string;
  user: string;
  /** Unix seconds. */
  expires_at: number;
}

export function save({ token, user, expires_at }: Login): Session {
  const session = { token, user, expires_at };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(session));
  } catch {
    // A reload asks again.
  }
  return session;
}

/** Null where there is none, or it has expired. */
export function load(unixMs: number): Session | null {
  try {
    const session = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Session | null;
    return session !== null && session.expires_at * 1000 > unixMs ? session : null;
  } catch {
    return null;
  }
}

export function clear(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // There is none.
  }
}
