// In the page: one peer connection to the robot, set up as web-console does it, and a note
// of every frame that is painted, with the clock that the test picture carries. Or, as a reference,
// a sender of such a picture from a canvas.

(() => {
  // robot-agent's clock: two rows of 32 blocks of 16 × 16 at the top, the highest bit on the
  // left, white over black for one, black over white for zero.
  const BITS = 32;
  const BLOCK = 16;
  // Halves of a bit that differ by less are of two pictures.
  const CLEAR = 100;

  const video = document.createElement("video");
  video.autoplay = video.muted = video.playsInline = true;
  document.body.append(video);
  const canvas = document.createElement("canvas");
  canvas.width = BITS * BLOCK;
  canvas.height = 2 * BLOCK;
  const context = canvas.getContext("2d", { willReadFrequently: true });

  const wallOffset = measured();
  let pc, drive, offered, first, opened, painted, report;
  // The picture's width before a narrow path made it smaller, and the clock with it.
  let whole = 0;

  /** Milliseconds of Unix time, finer than Date.now() has them. */
  const wall = () => wallOffset + performance.now();

  /** Date.now() is right at the moment it changes; whoever is held up sees it late, never early. */
  function measured() {
    let offset = -Infinity;
    for (let n = 0; n < 30; n += 1) {
      const before = Date.now();
      while (Date.now() === before);
      offset = Math.max(offset, before + 1 - performance.now());
    }
    return offset;
  }

  function readClock() {
    whole = Math.max(whole, video.videoWidth);
    const [width, height] = [canvas.width, canvas.height].map((pixels) => (pixels * video.videoWidth) / whole);
    context.drawImage(video, 0, 0, width, height, 0, 0, canvas.width, canvas.height);
    const [upper, lower] = [BLOCK / 2, BLOCK + BLOCK / 2].map((y) => context.getImageData(0, y, canvas.width, 1).data);
    let value = 0;
    for (let bit = 0; bit < BITS; bit += 1) {
      const at = (bit * BLOCK + BLOCK / 2) * 4;
      const difference = upper[at] - lower[at];
      if (Math.abs(difference) < CLEAR) return null;
      value = (value << 1) | (difference > 0 ? 1 : 0);
    }
    return value;
  }

  /** Notes the frame that is painted now, and the next ones until `of` is closed. */
  function note(of) {
    if (of !== pc) return;
    const at = wall();
    const milliseconds = Math.floor(at);
    // The clock shows the low 32 bits, as do JavaScript's bit operations.
    const clock = readClock();
    const age = clock === null ? null : (((milliseconds | 0) - clock) | 0) + (at - milliseconds);
    painted.push([at, age]);
    video.requestVideoFrameCallback(() => note(of));
  }

  // Bars like the robot's test picture, which move by so many pixels from frame to frame.
  const BARS = ["#bfbfbf", "#bfbf00", "#00bfbf", "#00bf00", "#bf00bf", "#bf0000", "#0000bf"];
  const STEP = 2;

  function paint(context, width, height, frame) {
    const bar = width / BARS.length;
    for (let n = 0; n <= BARS.length; n += 1) {
      context.fillStyle = BARS[n % BARS.length];
      context.fillRect(n * bar - ((frame * STEP) % bar), 0, bar + 1, height);
    }
    const clock = Math.floor(wall()) | 0;
    for (let bit = 0; bit < BITS; bit += 1) {
      const one = (clock >>> (BITS - 1 - bit)) & 1;
      for (const row of [0, 1]) {
        context.fillStyle = one === (row === 0 ? 1 : 0) ? "white" : "black";
        context.fillRect(bit * BLOCK, row * BLOCK, BLOCK, BLOCK);
      }
    }
  }

  /** A track of a canvas that is painted so often, each frame as soon as it has its clock. */
  function publishedTrack(width, height, fps) {
    const source = Object.assign(document.createElement("canvas"), { width, height });
    const drawn = source.getContext("2d", { willReadFrequently: true });
    const [track] = source.captureStream(0).getVideoTracks();
    const begun = performance.now();
    let frame = 0;
    const next = () => {
      paint(drawn, width, height, frame);
      track.requestFrame();
      frame += 1;
      setTimeout(next, begun + (frame * 1000) / fps - performance.now());
    };
    next();
    return track;
  }

  window.viewer = {
    /** Sends such a picture to whoever offers; gives the answer, with all candidates. */
    async publish({ offer, width, height, fps, kbps }) {
      pc = new RTCPeerConnection();
      const track = publishedTrack(width, height, fps);
      track.contentHint = "motion";
      const sender = pc.addTrack(track, new MediaStream([track]));
      await pc.setRemoteDescription({ type: "offer", sdp: offer });
      await pc.setLocalDescription();
      const parameters = sender.getParameters();
      Object.assign(parameters.encodings[0], { maxBitrate: kbps * 1000, maxFramerate: fps });
      parameters.degradationPreference = "maintain-resolution";
      await sender.setParameters(parameters);
      while (pc.iceGatheringState !== "complete") await new Promise((over) => setTimeout(over, 10));
      return pc.localDescription.sdp;
    },

    wall,

    /** A new connection in place of the last, with what `prepare` adds to it; gives the offer. */
    async offer() {
      pc?.close();
      const of = (pc = new RTCPeerConnection());
      [report, painted] = [null, []];
      const transceiver = pc.addTransceiver("video", { direction: "recvonly" });
      const { codecs } = RTCRtpReceiver.getCapabilities("video");
      transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === "video/H264"));
      transceiver.receiver.jitterBufferTarget = 0;
      drive = pc.createDataChannel("drive", { ordered: false, maxRetransmits: 0 });
      const telemetry = pc.createDataChannel("telemetry", { ordered: true, maxRetransmits: 0 });
      telemetry.onmessage = ({ data }) => (report = JSON.parse(data).telemetry ?? report);
      opened = new Promise((open) => (drive.onopen = () => open()));
      first = new Promise((seen) => {
        pc.ontrack = ({ track }) => {
          if (track.kind !== "video") return;
          video.srcObject = new MediaStream([track]);
          video.requestVideoFrameCallback(() => {
            seen(wall());
            note(of);
          });
        };
      });
      window.viewer.prepare?.(pc, telemetry);
      const { sdp } = await pc.createOffer();
      await pc.setLocalDescription({ type: "offer", sdp: sdp.replace(/^a=rtcp-fb:(\d+) nack pli\r\n/gm, "$&a=rtcp-fb:$1 rrtr\r\n") });
      offered = wall();
      return pc.localDescription.sdp;
    },

    answer: (sdp) => pc.setRemoteDescription({ type: "answer", sdp }),

    /** Milliseconds from the offer to the first frame, once there is one. */
    firstFrame: async () => (await first) - offered,

    /** Frames painted since the last call: `[Unix ms, age in ms]`, without age where torn. */
    painted: () => painted.splice(0),

    /** What the robot last said of itself. */
    report: () => report,

    /** Waits until orders can be given. */
    drives: () => opened,

    /** Gives orders, each with a throttle of its own: `[throttle, Unix ms]`. */
    async give({ count, spacingMs }) {
      const given = [];
      for (let n = 1; n <= count; n += 1) {
        const throttle = n / 1024;
        const order = JSON.stringify({ action: "drive", linear: throttle, angular: 0, speed: 1, sent_at: Date.now() });
        given.push([throttle, wall()]);
        drive.send(order);
        await new Promise((next) => setTimeout(next, spacingMs));
      }
      return given;
    },

    /** What Chromium counted of the video. */
    async counted() {
      const all = [...(await pc.getStats()).values()];
      const found = all.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
      const { framesDecoded, framesDropped, nackCount, pliCount, packetsLost, keyFramesDecoded } = found;
      return { framesDecoded, framesDropped, nackCount, pliCount, packetsLost, keyFramesDecoded };
    },

    close: () => pc?.close(),
  };
})();
