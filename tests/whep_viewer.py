"""Watches a robot by WHEP with aiortc, as a player that is given a URL and a key.

usage: whep_viewer.py URL KEY

Prints the size of the pictures once it has decoded some, then waits for a line, sends DELETE, and
goes on listening: whoever ends the connection is not this end.
"""

import asyncio
import sys
from urllib.parse import urljoin
from urllib.request import Request, urlopen

from aiortc import RTCPeerConnection, RTCSessionDescription

PICTURES = 30


def ask(method, url, key, kind=None, body=None):
    headers = {"x-api-key": key, **({"content-type": kind} if kind else {})}
    with urlopen(Request(url, data=body, headers=headers, method=method)) as answer:
        return answer.status, answer.headers.get("location"), answer.read().decode()


async def main(url, key):
    peer, tracks = RTCPeerConnection(), asyncio.Queue()
    peer.addTransceiver("audio", direction="recvonly")
    peer.addTransceiver("video", direction="recvonly")
    peer.on("track", lambda track: track.kind == "video" and tracks.put_nowait(track))
    await peer.setLocalDescription(await peer.createOffer())
    offer = peer.localDescription.sdp.encode()
    status, session, answer = await asyncio.to_thread(ask, "POST", url, key, "application/sdp", offer)
    assert status == 201, status
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    track = await tracks.get()
    for _ in range(PICTURES):
        frame = await track.recv()
    print(frame.width, frame.height, flush=True)
    at = urljoin(url, session)
    fragment = b"a=mid:1\r\na=candidate:9 1 udp 1 192.0.2.99 9 typ host\r\na=end-of-candidates\r\n"
    kind = "application/trickle-ice-sdpfrag"
    status, _, _ = await asyncio.to_thread(ask, "PATCH", at, key, kind, fragment)
    assert status == 204, status
    await asyncio.to_thread(sys.stdin.readline)
    status, _, _ = await asyncio.to_thread(ask, "DELETE", at, key)
    assert status == 200, status
    print("deleted", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


asyncio.run(main(*sys.argv[1:]))
