"""GStreamer's webrtcbin as a sender, or as a receiver, that `bench-video` holds in its hand.

Each line on stdin is a call, each line on stdout what it gave, both JSON. The end of stdin ends it.
The picture carries the clock of robot-agent's test picture: two rows of 32 blocks of 16 x 16.
"""

import json
import re
import sys
import threading
import time

import gi

for name in ("Gst", "GstWebRTC", "GstSdp"):
    gi.require_version(name, "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

BITS, BLOCK = 32, 16
BLACK, WHITE, GREY = 16, 235, 128
# Halves of a bit that differ by less are of two pictures.
CLEAR = 100
LIMIT_S = 20
# Pictures of the test source that are sent again and again.
RENDERED = 30


def burn(luma, width, unix_ms):
    """Writes the clock into the first lines of a bytearray of luma."""
    for half in (0, 1):
        bits = ((unix_ms >> (BITS - 1 - bit)) & 1 for bit in range(BITS))
        line = b"".join(bytes([WHITE if bit == (half == 0) else BLACK]) * BLOCK for bit in bits)
        for y in range(half * BLOCK, (half + 1) * BLOCK):
            luma[y * width : y * width + len(line)] = line


def without_colour(picture, width, height):
    """A picture of I420 that is grey where the clock comes."""
    for plane in (width * height, width * height * 5 // 4):
        for y in range(BLOCK):
            at = plane + y * width // 2
            picture[at : at + BITS * BLOCK // 2] = bytes([GREY]) * (BITS * BLOCK // 2)
    return picture


def read(luma, stride):
    """What the clock shows; None where it is torn."""
    value = 0
    for bit in range(BITS):
        upper, lower = (luma[y * stride + bit * BLOCK + BLOCK // 2] for y in (BLOCK // 2, BLOCK + BLOCK // 2))
        if abs(upper - lower) < CLEAR:
            return None
        value = value << 1 | (upper > lower)
    return value


def sdp(kind, text):
    _, message = GstSdp.SDPMessage.new_from_text(text)
    return GstWebRTC.WebRTCSessionDescription.new(kind, message)


class Peer:
    def __init__(self):
        self.pipeline = self.webrtc = None
        self.ended = threading.Event()
        self.gathered = threading.Event()
        self.first = threading.Event()
        self.seen = []

    def start(self, description):
        self.pipeline = Gst.Pipeline.new()
        self.pipeline.add(Gst.parse_bin_from_description(description, False))
        self.webrtc = self.pipeline.get_by_name("webrtc")
        self.webrtc.connect("notify::ice-gathering-state", self.gathering)

    def gathering(self, webrtc, _):
        if webrtc.props.ice_gathering_state == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self.gathered.set()

    def call(self, signal, *arguments):
        """Emits a signal and waits; gives the promise: its reply lives no longer, and what is in it no longer than that."""
        promise = Gst.Promise.new()
        self.webrtc.emit(signal, *arguments, promise)
        promise.wait()
        reply = promise.get_reply()
        if reply is not None and reply.has_field("error"):
            raise RuntimeError(f"{signal}: {reply.get_value('error').message}")
        return promise

    def described(self, kind):
        """Makes an offer or an answer, and gives it with all candidates."""
        created = self.call(f"create-{kind}", None)
        reply = created.get_reply()
        self.call("set-local-description", reply.get_value(kind))
        if not self.gathered.wait(LIMIT_S):
            raise RuntimeError("candidates are not gathered")
        return self.webrtc.props.local_description.sdp.as_text()

    def publish(self, offer, width, height, fps, kbps):
        """Sends such a picture to whoever offers; gives the answer."""
        lines = [line for line in offer.splitlines() if "packetization-mode=1" in line and "42e01f" in line]
        payload_type = re.match(r"a=fmtp:(\d+)", lines[0]).group(1)
        raw = f"video/x-raw,format=I420,width={width},height={height},framerate={fps}/1"
        rendered = self.render(raw, width, height)
        # As robot-agent has x264.
        self.start(
            f"appsrc name=source is-live=true format=time do-timestamp=true caps={raw} ! x264enc tune=zerolatency "
            f"speed-preset=ultrafast bframes=0 aud=false threads=2 key-int-max={fps * 60} bitrate={kbps} vbv-buf-capacity=120 "
            "! video/x-h264,profile=constrained-baseline "
            f"! rtph264pay config-interval=-1 aggregate-mode=zero-latency pt={payload_type} "
            "! webrtcbin name=webrtc bundle-policy=max-bundle"
        )
        self.pipeline.set_state(Gst.State.PLAYING)
        self.call("set-remote-description", sdp(GstWebRTC.WebRTCSDPType.OFFER, offer))
        answer = self.described("answer")
        threading.Thread(target=self.feed, args=(rendered, width, fps), daemon=True).start()
        return answer

    def render(self, raw, width, height):
        source = Gst.parse_launch(
            f"videotestsrc num-buffers={RENDERED} pattern=smpte horizontal-speed=2 ! {raw} ! appsink name=sink sync=false"
        )
        source.set_state(Gst.State.PLAYING)
        sink = source.get_by_name("sink")
        pictures = []
        for _ in range(RENDERED):
            buffer = sink.emit("pull-sample").get_buffer()
            pictures.append(without_colour(bytearray(buffer.extract_dup(0, buffer.get_size())), width, height))
        source.set_state(Gst.State.NULL)
        return pictures

    def feed(self, pictures, width, fps):
        source = self.pipeline.get_by_name("source")
        begun, frame = time.monotonic(), 0
        while not self.ended.is_set():
            picture = pictures[frame % len(pictures)]
            burn(picture, width, time.time_ns() // 1_000_000)
            source.emit("push-buffer", Gst.Buffer.new_wrapped(bytes(picture)))
            frame += 1
            time.sleep(max(0.0, begun + frame / fps - time.monotonic()))

    def offer(self):
        """A new connection that receives; gives the offer."""
        self.start("webrtcbin name=webrtc bundle-policy=max-bundle latency=0")
        caps = "application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000,packetization-mode=(string)1,profile-level-id=(string)42e01f"
        self.webrtc.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps))
        self.webrtc.connect("pad-added", self.receive)
        self.pipeline.set_state(Gst.State.PLAYING)
        return self.described("offer")

    def answer(self, text):
        self.call("set-remote-description", sdp(GstWebRTC.WebRTCSDPType.ANSWER, text))
        if not self.first.wait(LIMIT_S):
            raise RuntimeError("no picture is decoded")

    def receive(self, _, pad):
        chain = Gst.parse_bin_from_description(
            "rtph264depay ! h264parse ! openh264dec ! video/x-raw,format=I420 ! fakesink name=seen sync=false signal-handoffs=true", True
        )
        chain.get_by_name("seen").connect("handoff", self.decoded)
        self.webrtc.get_parent().add(chain)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad("sink"))

    def decoded(self, _, buffer, pad):
        at = time.time_ns() / 1e6
        stride = -(-pad.get_current_caps().get_structure(0).get_value("width") // 4) * 4
        clock = read(buffer.extract_dup(0, stride * BLOCK * 2), stride)
        age = None if clock is None else ((int(at) - clock + 2**31) % 2**32 - 2**31) + at % 1
        self.seen.append((at, age))
        self.first.set()

    def painted(self, _=None):
        """Pictures decoded since the last call: Unix ms, and age in ms, without age where torn."""
        seen, self.seen = self.seen, []
        return seen

    def end(self):
        self.ended.set()
        if self.pipeline:
            self.pipeline.set_state(Gst.State.NULL)


def main():
    Gst.init(None)
    # webrtcbin has a loop of its own; this is for the bus.
    loop = GLib.MainLoop()
    threading.Thread(target=loop.run, daemon=True).start()
    peer = Peer()
    print(json.dumps({"gave": Gst.version_string()}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        argument = asked["argument"]
        try:
            call = getattr(peer, asked["call"])
            gave = call(**argument) if isinstance(argument, dict) else call(*[argument][: argument is not None])
            answer = {"gave": gave}
        except Exception as error:  # The benchmark says which call has failed.
            answer = {"failed": repr(error)}
        print(json.dumps(answer), flush=True)
    peer.end()


main()
