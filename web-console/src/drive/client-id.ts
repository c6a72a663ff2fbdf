// Who this page is: the sender of its actions and its client id in signaling. Pure.

/**
 * Tells this page from every other, and says who sits before it: the robot keeps one count
 * per sender, and names the one who drives to all others. At most 64 bytes of
 * `[a-zA-Z0-9_.-]`, as signaling wants it.
 */
export function newClientId(user: string, random: number): string {
  const name = user.replace(/[^a-zA-Z0-9_.-]+/g, "-").slice(0, 40) || "viewer";
  return `${name}-${(random >>> 0).toString(16).padStart(8, "0")}`;
}

/** The name in a client id, for people. */
export function displayName(clientId: string): string {
  return clientId.replace(/-[0-9a-f]{8}$/, "");
}
