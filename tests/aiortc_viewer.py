"""Watches and drives a robot with Amazon's SDK and aiortc, as a script of a stranger would.

usage: aiortc_viewer.py ENDPOINT ROBOT SHAPE

The credentials are in the environment, as boto3 has them. SHAPE is one of SHAPES. Prints a line of
JSON once it has decoded pictures for a while, and given an order if the shape has a channel.
"""

import asyncio
import base64
import json
import sys
import time
from urllib.parse import urlencode

import boto3
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.sdp import candidate_from_sdp
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from websockets.asyncio.client import connect

REGION = "us-east-1"
PICTURES = 30
ORDER = {"action": "drive", "linear": 0.0, "angular": 0.5}

# What is added to the connection, in this order, and how it is bundled.
SHAPES = {
    "video": (["video"], RTCBundlePolicy.BALANCED),
    "audio-first": (["audio", "video"], RTCBundlePolicy.BALANCED),
    "audio-last": (["video", "audio"], RTCBundlePolicy.BALANCED),
    "test-page": (["talk", "video", "kvsDataChannel"], RTCBundlePolicy.MAX_BUNDLE),
    "max-compat": (["talk", "video", "drive"], RTCBundlePolicy.MAX_COMPAT),
    "data-first": (["drive", "video"], RTCBundlePolicy.BALANCED),
    "negotiated": (["video", "negotiated"], RTCBundlePolicy.BALANCED),
    "vp8-only": (["vp8", "drive"], RTCBundlePolicy.BALANCED),
}


def signaling(endpoint, robot):
    """The address of the socket, and the ICE servers, as Amazon's SDK finds them."""
    media = boto3.client("kinesisvideo", region_name=REGION, endpoint_url=endpoint)
    arn = media.describe_signaling_channel(ChannelName=robot)["ChannelInfo"]["ChannelARN"]
    role = {"Protocols": ["WSS", "HTTPS"], "Role": "VIEWER"}
    found = media.get_signaling_channel_endpoint(ChannelARN=arn, SingleMasterChannelEndpointConfiguration=role)
    at = {item["Protocol"]: item["ResourceEndpoint"] for item in found["ResourceEndpointList"]}
    calls = boto3.client("kinesis-video-signaling", region_name=REGION, endpoint_url=at["HTTPS"])
    listed = calls.get_ice_server_config(ChannelARN=arn, ClientId="stranger")["IceServerList"]
    servers = [RTCIceServer(urls=item["Uris"][:1], username=item["Username"], credential=item["Password"]) for item in listed]
    credentials = boto3.Session().get_credentials().get_frozen_credentials()
    query = urlencode({"X-Amz-ChannelARN": arn, "X-Amz-ClientId": "stranger"})
    request = AWSRequest("GET", f"{at['WSS']}/?{query}")
    SigV4QueryAuth(credentials, "kinesisvideo", REGION, 299).add_auth(request)
    return request.prepare().url, servers


def build(shape, servers):
    parts, bundle = SHAPES[shape]
    peer, channel = RTCPeerConnection(RTCConfiguration(iceServers=servers, bundlePolicy=bundle)), None
    for part in parts:
        if part in ("audio", "video"):
            peer.addTransceiver(part, direction="recvonly")
        elif part == "vp8":
            known = RTCRtpReceiver.getCapabilities("video").codecs
            vp8 = [codec for codec in known if codec.mimeType == "video/VP8"]
            peer.addTransceiver("video", direction="recvonly").setCodecPreferences(vp8)
        elif part == "talk":
            peer.addTransceiver(AudioStreamTrack(), direction="sendrecv")
        elif part == "negotiated":
            channel = peer.createDataChannel("orders", negotiated=True, id=0)
        else:
            channel = peer.createDataChannel(part)
    return peer, channel


async def watch(peer, begun, seen):
    tracks = asyncio.Queue()
    peer.on("track", lambda track: track.kind == "video" and tracks.put_nowait(track))
    track = await tracks.get()
    for number in range(PICTURES):
        frame = await track.recv()
        if number == 0:
            seen["first_frame_ms"] = round((time.monotonic() - begun) * 1000)
    seen["size"] = [frame.width, frame.height]


async def order(channel):
    while channel.readyState != "open":
        await asyncio.sleep(0.02)
    for _ in range(10):
        channel.send(json.dumps({**ORDER, "sent_at": round(time.time() * 1000)}))
        await asyncio.sleep(0.1)


async def follow(socket, peer):
    """Gives the connection what the robot sends."""
    async for frame in socket:
        if not frame:
            continue
        message = json.loads(frame)
        payload = json.loads(base64.b64decode(message.get("messagePayload", "") or "e30="))
        if message["messageType"] == "SDP_ANSWER":
            if "reason" in payload:
                raise RuntimeError(f"the robot refuses: {payload['reason']}")
            await peer.setRemoteDescription(RTCSessionDescription(payload["sdp"], "answer"))
        elif message["messageType"] == "ICE_CANDIDATE":
            candidate = candidate_from_sdp(payload["candidate"].removeprefix("candidate:"))
            candidate.sdpMid, candidate.sdpMLineIndex = payload["sdpMid"], payload["sdpMLineIndex"]
            await peer.addIceCandidate(candidate)


async def main(endpoint, robot, shape):
    url, servers = await asyncio.to_thread(signaling, endpoint, robot)
    peer, channel = build(shape, servers)
    seen = {"shape": shape}
    async with connect(url) as socket:
        await peer.setLocalDescription(await peer.createOffer())
        description = {"type": "offer", "sdp": peer.localDescription.sdp}
        payload = base64.b64encode(json.dumps(description).encode()).decode()
        begun = time.monotonic()
        await socket.send(json.dumps({"action": "SDP_OFFER", "messagePayload": payload, "correlationId": "1"}))
        doing = [watch(peer, begun, seen)] + ([order(channel)] if channel else [])
        following = asyncio.create_task(follow(socket, peer))
        done = asyncio.gather(*doing)
        finished, _ = await asyncio.wait([following, done], return_when=asyncio.FIRST_COMPLETED)
        for task in finished:
            task.result()
        following.cancel()
    await peer.close()
    print(json.dumps(seen))


asyncio.run(main(*sys.argv[1:]))
