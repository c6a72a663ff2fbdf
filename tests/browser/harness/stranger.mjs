// A page that is not ours, with Amazon's own client for signaling: served by us, told what to offer.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { once } from "node:events";
import path from "node:path";
import { ROOT } from "./process.mjs";

const CONSOLE = createRequire(path.join(ROOT, "web-console", "package.json"));
const CLIENT = path.join(path.dirname(CONSOLE.resolve("amazon-kinesis-video-streams-webrtc/package.json")), "dist", "kvs-webrtc.min.js");
const { AwsClient } = CONSOLE("aws4fetch");

/** Serves the page; gives its address and a way to end it. */
export async function servePage() {
  const server = createServer((request, response) => {
    const script = request.url === "/kvs-webrtc.js";
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ? readFileSync(CLIENT) : "<!doctype html><video autoplay muted playsinline></video><script src='kvs-webrtc.js'></script>");
  });
  server.listen(0, "localhost");
  await once(server, "listening");
  return { url: `http://localhost:${server.address().port}/`, close: () => server.close() };
}

/** All that a viewer has to know of a robot's channel. */
export async function channelOf(outpost, robot, key) {
  const asked = await fetch(new URL(`/robots/${robot}/viewer`, outpost.url), { method: "POST", headers: { "x-api-key": key } });
  const pass = await asked.json();
  const aws = new AwsClient({ ...pass, service: "kinesisvideo", retries: 0 });
  const body = JSON.stringify({ ChannelARN: pass.channelArn });
  const headers = { "content-type": "application/json" };
  const listed = await aws.fetch(new URL("/v1/get-ice-server-config", pass.endpoint), { method: "POST", headers, body });
  const { IceServerList } = await listed.json();
  const iceServers = IceServerList.map(({ Uris, Username, Password }) => ({ urls: Uris, username: Username, credential: Password }));
  // The client takes no other than a secure socket.
  return { ...pass, iceServers, socket: new URL(outpost.secureUrl).origin.replace("https", "wss") };
}

/**
 * Runs in the page: watches as `shape` says, and gives how long the first picture took, or why the
 * robot refuses. Leaves `window.stranger` for what follows.
 */
export async function watch({ channel, shape }) {
  const { channelArn, socket, iceServers, region, accessKeyId, secretAccessKey, sessionToken } = channel;
  const credentials = { accessKeyId, secretAccessKey, sessionToken };
  const client = new window.KVSWebRTC.SignalingClient({
    channelARN: channelArn,
    channelEndpoint: socket,
    clientId: shape.name.replace(/[^a-z]/gi, ""),
    role: window.KVSWebRTC.Role.VIEWER,
    region,
    credentials,
  });
  const pc = new RTCPeerConnection({ iceServers: shape.alone ? [] : iceServers, iceTransportPolicy: shape.relay ? "relay" : "all", bundlePolicy: shape.bundle ?? "balanced" });
  const video = document.querySelector("video");
  const stranger = { pc, client, answers: [], candidates: [] };
  window.stranger = stranger;
  if (shape.talk) {
    const mine = await navigator.mediaDevices.getUserMedia({ audio: true, video: shape.show ?? false });
    mine.getTracks().forEach((track) => pc.addTrack(track, mine));
  }
  if (shape.channel) stranger.channel = pc.createDataChannel(shape.channel, shape.negotiated);
  if (shape.only) {
    const codecs = RTCRtpReceiver.getCapabilities("video").codecs.filter(({ mimeType }) => mimeType === shape.only);
    pc.addTransceiver("video", { direction: "recvonly" }).setCodecPreferences(codecs);
  }
  pc.ontrack = ({ streams, track }) => {
    if (track.kind === "video") video.srcObject = streams[0] ?? new MediaStream([track]);
  };
  stranger.offer = async () => {
    const offer = await pc.createOffer({ offerToReceiveAudio: shape.audio ?? true, offerToReceiveVideo: true });
    await pc.setLocalDescription(offer);
    if (!shape.trickle) {
      while (pc.iceGatheringState !== "complete") await new Promise((over) => setTimeout(over, 10));
    }
    // With all candidates in it, it may be longer than signaling carries; a later one has those that were sent.
    const trickled = { type: "offer", sdp: offer.sdp.replace(/^a=candidate:.*\r\n/gm, "") };
    client.sendSdpOffer(shape.trickle ? trickled : pc.localDescription, undefined, "stranger");
  };
  pc.onicecandidate = ({ candidate }) => candidate !== null && shape.trickle && client.sendIceCandidate(candidate);
  const begun = performance.now();
  const refused = new Promise((over) => {
    client.on("sdpAnswer", async (answer) => {
      stranger.answers.push(answer);
      await pc.setRemoteDescription(answer);
      if (answer.reason !== undefined) over({ refused: answer.reason });
    });
  });
  client.on("iceCandidate", (candidate) => {
    stranger.candidates.push(candidate.toJSON?.() ?? candidate);
    pc.addIceCandidate(candidate);
  });
  client.on("open", () => stranger.offer());
  const painted = new Promise((over) => video.requestVideoFrameCallback(over));
  const failed = new Promise((_, over) => client.on("error", over));
  const late = new Promise((_, over) => setTimeout(() => over(new Error(`no picture; ${pc.connectionState}, ${stranger.answers[0]?.sdp}`)), 15_000));
  client.open();
  return Promise.race([failed, late, refused, painted.then(() => ({ firstFrameMs: Math.round(performance.now() - begun) }))]);
}
