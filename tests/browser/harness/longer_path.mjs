// A longer or narrower path to the robot: a page's calls go through relays that hold every datagram back.

import { createSocket } from "node:dgram";
import { once } from "node:events";

export class LongerPath {
  /** How much longer the path is, each way. */
  delayMs = 0;
  /** What passes from the robot, in kbit/s. What would wait for more than `queueMs` is dropped. */
  kbps = Infinity;
  queueMs = 200;
  /** The share that is lost, each way. */
  lost = 0;
  /** When the bottleneck has passed on all that it holds. */
  #free = 0;
  #sockets = [];

  /** Has the calls of a page go this way and no other. */
  async carry(page) {
    await page.exposeFunction("carry", (address, port) => this.#relay(address, port));
    await page.addInitScript(callThroughRelays);
  }

  /** Has the calls of a page go by the relay at `address` and `port` alone, by UDP, on this way. */
  async carryToRelay(page, address, port) {
    await page.addInitScript(callByRelayAlone, await this.#relay(address, port));
  }

  close() {
    for (const socket of this.#sockets.splice(0)) socket.close();
  }

  /** Carries to an address of the robot's and back; gives the port, on the same machine, that leads there. */
  async #relay(address, port) {
    const near = await this.#open(address);
    // A browser calls from each of its own addresses.
    const callers = new Map();
    near.on("message", async (datagram, caller) => {
      const from = `${caller.address}:${caller.port}`;
      if (!callers.has(from)) callers.set(from, this.#beyond(near, caller));
      const far = await callers.get(from);
      this.#later(() => far.send(datagram, port, address));
    });
    return near.address().port;
  }

  /** The far end for one caller. */
  async #beyond(near, caller) {
    const far = await this.#open(near.address().address);
    far.on("message", (datagram) => {
      const now = performance.now();
      const free = Math.max(this.#free, now) + (datagram.length * 8) / this.kbps;
      if (free - now > this.queueMs) return;
      this.#free = free;
      this.#later(() => near.send(datagram, caller.port, caller.address), free - now);
    });
    return far;
  }

  async #open(address) {
    const socket = createSocket("udp4");
    socket.bind(0, address);
    await once(socket, "listening");
    this.#sockets.push(socket);
    return socket;
  }

  #later(send, waitsMs = 0) {
    if (Math.random() < this.lost) return;
    setTimeout(() => this.#sockets.length > 0 && send(), this.delayMs + waitsMs);
  }
}

/** Runs in the page: its calls know no other way than a relay whose port is this one. */
function callByRelayAlone(port) {
  const Real = RTCPeerConnection;
  window.callsMade = 0;
  window.RTCPeerConnection = class extends Real {
    constructor({ iceServers, ...configuration }) {
      const [{ username, credential }] = iceServers.filter(({ urls }) => [urls].flat().some((url) => url.startsWith("turn:")));
      const relay = { urls: `turn:127.0.0.1:${port}?transport=udp`, username, credential };
      super({ ...configuration, iceServers: [relay], iceTransportPolicy: "relay" });
      window.calls = [this];
      window.callsMade += 1;
    }
  };
}

/** Runs in the page: of the robot's addresses it hears only those of its machine, by way of a relay. */
function callThroughRelays() {
  const Real = RTCPeerConnection;
  const ports = new Map();
  const carried = async (candidate) => {
    const [, head, address, port, rest] = /^(\S+ 1 udp \d+) (\d+\.\d+\.\d+\.\d+) (\d+) (typ host.*)$/i.exec(candidate) ?? [];
    if (address === undefined) return null;
    const target = `${address}:${port}`;
    if (!ports.has(target)) ports.set(target, window.carry(address, Number(port)));
    return `${head} ${address} ${await ports.get(target)} ${rest}`;
  };
  window.RTCPeerConnection = class extends Real {
    constructor(configuration) {
      super({ ...configuration, iceServers: [] });
      window.call = this;
    }
    async setRemoteDescription({ type, sdp }) {
      const lines = sdp.split("\r\n").map(async (line) => {
        if (!line.startsWith("a=candidate:")) return line;
        const candidate = await carried(line.slice(2));
        return candidate === null ? null : `a=${candidate}`;
      });
      const kept = (await Promise.all(lines)).filter((line) => line !== null);
      return super.setRemoteDescription({ type, sdp: kept.join("\r\n") });
    }
    async addIceCandidate(init) {
      const candidate = await carried(init?.candidate ?? "");
      if (candidate !== null) await super.addIceCandidate({ ...init, candidate });
    }
  };
}
