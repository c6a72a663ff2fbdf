// Who is signed in. Kept for as long as the tab lives, so a reload does not ask again.

import type { Login } from "./api";

const KEY = "outpost.session";

export interface Session {
  token: string;
  user: string;
  /** Unix seconds. */
  expires_at: number;
}

export function keep(login: Login): Session {
  const session = { token: login.token, user: login.user, expires_at: login.expires_at };
  sessionStorage.setItem(KEY, JSON.stringify(session));
  return session;
}

export function kept(unixMs: number): Session | null {
  try {
    const session = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Session | null;
    return session !== null && session.expires_at * 1000 > unixMs ? session : null;
  } catch {
    return null;
  }
}

export function forget(): void {
  sessionStorage.removeItem(KEY);
}
