// Two homes with the internet between them, as network namespaces: each home behind a router
// that gives every flow a port of its own, the NAT through which only a relay leads. Nothing
// of it touches the network of this machine.

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";

/** Where a station in the internet is. All outer addresses are those of documentation. */
export const INTERNET = "192.0.2.10";

/** What the world sees of each home. */
export const ROUTERS = { robot: "198.51.100.2", viewer: "203.0.113.2" };

/** The same by IPv6, and an address from which nothing ever comes. */
export const INTERNET_V6 = "2001:db8::10";
export const DEAD_V6 = "2001:db8:dead::1";

/** The only machine in either home, as in most: both have the same private addresses. */
export const MACHINE = "192.168.1.2";

/** Its router's, inside. */
const GATEWAY = "192.168.1.1";

const PREFIX = "outpost-";

/** Why there can be none here; false where there can. */
export function impossible() {
  if (process.getuid() !== 0) return "network namespaces need root";
  const name = `${PREFIX}${process.pid}-try`;
  try {
    ip("netns", "add", name);
    ip("netns", "del", name);
    return false;
  } catch (error) {
    return `no network namespaces here: ${error.stderr ?? error}`;
  }
}

export class HomeNetworks {
  #made = [];

  constructor() {
    sweep();
    // However the tests end.
    process.once("exit", () => this.close());
    const internet = this.#add("internet");
    ip("-n", internet, "address", "add", `${INTERNET}/32`, "dev", "lo");
    set(internet, 1, "ipv4/ip_forward");
    for (const [home, address] of Object.entries(ROUTERS)) this.#build(internet, home, address);
    // What belongs nowhere gets lost on the way, as it does out there; its sender hears nothing.
    const nowhere = ROUTERS.robot.replace(/\d+$/, "254");
    ip("-n", internet, "neighbour", "add", nowhere, "lladdr", "02:00:00:00:00:01", "dev", "robot");
    ip("-n", internet, "route", "add", "default", "via", nowhere);
  }

  /** Words before a command that make it run at `place`: "internet", "robot" or "viewer". */
  at(place) {
    return ["ip", "netns", "exec", this.#name(place)];
  }

  /** Has a home's router pass on what comes to it from the internet: `udp 3478`, `tcp 8443`. */
  forward(home, ...ports) {
    const rules = ports.map((port) => `add rule ip home inwards ${port.replace(" ", " dport ")} dnat to ${MACHINE}`);
    nft(this.#name(`${home}-router`), rules.join("\n"));
  }

  /** The home's firewall lets out only what `allowed` says, in nftables' words. */
  allowOnly(home, allowed) {
    const rules = `
      add chain ip home firewall { type filter hook forward priority filter - 1; policy drop; }
      add rule ip home firewall ct state established accept
      add rule ip home firewall ${allowed} accept`;
    nft(this.#name(`${home}-router`), rules);
  }

  /** Nothing passes between a home's machine and its router, as when it is out of reach. */
  cut(home) {
    ip("-n", this.#name(`${home}-router`), "link", "set", "inside", "down");
  }

  /** The end of that. */
  mend(home) {
    ip("-n", this.#name(`${home}-router`), "link", "set", "inside", "up");
  }

  /** The home has IPv6, too, beside IPv4 or, where `only`, alone. */
  ipv6(home, { only = false } = {}) {
    const [internet, router, machine] = ["internet", `${home}-router`, home].map((place) => this.#name(place));
    for (const name of [internet, router, machine]) set(name, 0, "ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6");
    for (const name of [internet, router]) set(name, 1, "ipv6/conf/all/forwarding");
    const add = (name, address, device) => ip("-n", name, "address", "add", address, "dev", device, "nodad");
    add(internet, `${INTERNET_V6}/128`, "lo");
    add(internet, "2001:db8:1::1/64", home);
    add(router, "2001:db8:1::2/64", "street");
    add(router, "2001:db8:2::1/64", "inside");
    add(machine, "2001:db8:2::2/64", "lan");
    ip("-n", machine, "-6", "route", "add", "default", "via", "2001:db8:2::1");
    ip("-n", router, "-6", "route", "add", "default", "via", "2001:db8:1::1");
    ip("-n", internet, "-6", "route", "add", "2001:db8:2::/64", "via", "2001:db8:1::2");
    ip("-n", internet, "-6", "route", "add", "blackhole", `${DEAD_V6}/128`);
    if (only) ip("-n", machine, "-4", "address", "flush", "dev", "lan");
  }

  /** What runs at `place` from now on finds these addresses under this name. */
  knows(place, name, ...addresses) {
    const folder = `/etc/netns/${this.#name(place)}`;
    mkdirSync(folder, { recursive: true });
    const lines = ["127.0.0.1 localhost", ...addresses.map((address) => `${address} ${name}`)];
    writeFileSync(`${folder}/hosts`, `${lines.join("\n")}\n`);
  }

  /** The home's machine has another address from now on, and not the one it had. */
  move(home, address) {
    const machine = this.#name(home);
    ip("-n", machine, "address", "flush", "dev", "lan");
    ip("-n", machine, "address", "add", `${address}/24`, "dev", "lan");
    ip("-n", machine, "route", "add", "default", "via", GATEWAY);
  }

  close() {
    for (const name of this.#made.splice(0)) remove(name);
  }

  #name(place) {
    return `${PREFIX}${process.pid}-${place}`;
  }

  #add(place) {
    const name = this.#name(place);
    ip("netns", "add", name);
    this.#made.push(name);
    // Else each address of IPv6 becomes good a second later, and browsers that see their network
    // change give up what they are loading.
    set(name, 1, "ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6");
    ip("-n", name, "link", "set", "lo", "up");
    return name;
  }

  #build(internet, home, address) {
    const [router, machine] = [this.#add(`${home}-router`), this.#add(home)];
    const gateway = address.replace(/\d+$/, "1");
    link([internet, home, gateway], [router, "street", address]);
    link([router, "inside", GATEWAY], [machine, "lan", MACHINE]);
    ip("-n", router, "route", "add", "default", "via", gateway);
    ip("-n", machine, "route", "add", "default", "via", GATEWAY);
    set(router, 1, "ipv4/ip_forward");
    nft(router, ROUTER);
  }
}

/** Out with a port nobody can guess; in only what was asked for, or is forwarded. */
const ROUTER = `
table ip home {
  chain outwards { type nat hook postrouting priority srcnat; oifname "street" masquerade random; }
  chain inwards { type nat hook prerouting priority dstnat; iifname != "street" accept; }
  chain through { type filter hook forward priority filter; iifname "street" ct state new ct status & dnat == 0 drop; }
  chain itself { type filter hook input priority filter; iifname "street" ct state new drop; }
}`;

/** Each end is namespace, name and address. */
function link(one, other) {
  ip("link", "add", one[1], "netns", one[0], "type", "veth", "peer", "name", other[1], "netns", other[0]);
  for (const [name, device, address] of [one, other]) {
    ip("-n", name, "address", "add", `${address}/24`, "dev", device);
    ip("-n", name, "link", "set", device, "up");
  }
}

/** Settings of the kernel's, where it has them. */
function set(name, value, ...keys) {
  for (const key of keys.map((key) => `/proc/sys/net/${key}`)) {
    ip("netns", "exec", name, "sh", "-c", `[ ! -e ${key} ] || echo ${value} > ${key}`);
  }
}

function nft(name, rules) {
  execFileSync("ip", ["netns", "exec", name, "nft", "-f", "-"], { input: rules, stdio: "pipe" });
}

function ip(...words) {
  return execFileSync("ip", words, { stdio: "pipe", encoding: "utf8" });
}

/** With whatever still runs in it. */
function remove(name) {
  try {
    for (const pid of ip("netns", "pids", name).split("\n").filter(Boolean)) process.kill(Number(pid), "SIGKILL");
  } catch {
    // It ended by itself in between.
  }
  ip("netns", "del", name);
  rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
}

/** What a run left behind that was killed. */
function sweep() {
  for (const line of ip("netns", "list").split("\n")) {
    const [name] = line.split(" ");
    const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : NaN;
    if (pid > 0 && !lives(pid)) remove(name);
  }
}

function lives(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
