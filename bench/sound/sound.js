// In the page, beside page.js: what is heard and what is said, told by tones.
//
// The signal of signal.rs is a pilot that swells without an end, and over it a burst every half second, each of six in
// turn. So every burst can be told, and a hole is where the pilot is missing. Sound is looked at where Chromium takes it from
// the microphone, and where it gives it to the loudspeaker: what devices add is in none of the figures.

(() => {
  /** Of what is played: Opus' own. */
  const RATE = 48_000;
  const PILOT_HZ = 400;
  const BURSTS_HZ = [1200, 1600, 2000, 2400, 2800, 3200];
  /** In which each of the tones has whole periods. */
  const BLOCK_MS = 2.5;
  /** Of full scale: half of what bursts have, and of the least that the pilot has. */
  const BURST_LEVEL = 0.1;
  const PILOT_LEVEL = 0.015;
  /** A burst is a new one after so much silence, and none before it has lasted for so many blocks: a click is none. */
  const APART_MS = 300;
  const LASTS = 4;

  let connection, telemetry, sender, microphone, saying;

  function amplitude(samples, rate, hertz) {
    const omega = (2 * Math.PI * hertz) / rate;
    const twice = 2 * Math.cos(omega);
    let s1 = 0;
    let s2 = 0;
    for (const sample of samples) [s2, s1] = [s1, sample + twice * s1 - s2];
    return (2 * Math.sqrt(Math.max(0, s1 * s1 + s2 * s2 - twice * s1 * s2))) / samples.length;
  }

  /** Notes the tones of a track. `ends` is whether a piece of it comes when its last sample is due, as a microphone's, or its first. */
  class Ear {
    #seen = { bursts: [], holes: [], levels: [] };
    #last = BURSTS_HZ.map(() => -Infinity);
    #loud = BURSTS_HZ.map(() => 0);
    #hole = null;
    #offset = Infinity;

    constructor(track, ends) {
      void this.#read(new MediaStreamTrackProcessor({ track }).readable.getReader(), ends);
      this.audio = Object.assign(new Audio(), { muted: true, srcObject: new MediaStream([track]) });
      void this.audio.play();
    }

    async #read(reader, ends) {
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        const samples = new Float32Array(value.numberOfFrames);
        value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
        // Its own stamp, as this thread may be late.
        const stamp = value.timestamp / 1000;
        this.#offset = Math.min(this.#offset, window.viewer.wall() - stamp);
        const rate = value.sampleRate;
        value.close();
        const length = (samples.length / rate) * 1000;
        this.#take(samples, rate, stamp + this.#offset - (ends ? length : 0));
      }
    }

    #take(samples, rate, begins) {
      const length = Math.floor((rate * BLOCK_MS) / 1000);
      for (let from = 0; from + length <= samples.length; from += length) {
        const block = samples.subarray(from, from + length);
        const at = begins + (from / rate) * 1000;
        BURSTS_HZ.forEach((hertz, tone) => {
          const level = amplitude(block, rate, hertz);
          this.#loud[tone] = level < BURST_LEVEL ? 0 : this.#loud[tone] + 1;
          if (this.#loud[tone] < LASTS) return;
          if (at - this.#last[tone] > APART_MS) this.#seen.bursts.push([tone, at - (LASTS - 1) * BLOCK_MS]);
          this.#last[tone] = at;
          this.#seen.levels.push(level);
        });
        if (amplitude(block, rate, PILOT_HZ) < PILOT_LEVEL) this.#hole ??= at;
        else if (this.#hole !== null) {
          this.#seen.holes.push([this.#hole, at - this.#hole]);
          this.#hole = null;
        }
      }
    }

    /** Since it was last asked. */
    seen() {
      const seen = this.#seen;
      this.#seen = { bursts: [], holes: [], levels: [] };
      const levels = seen.levels.sort((a, b) => a - b);
      return { bursts: seen.bursts, holes: seen.holes, level: levels[levels.length >> 1] ?? 0 };
    }
  }

  let mouth, ear;

  async function openMicrophone() {
    if (microphone !== undefined) return;
    // As it is: what cleans speech takes tones for noise.
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };
    [microphone] = (await navigator.mediaDevices.getUserMedia({ audio })).getAudioTracks();
    mouth = new Ear(microphone, true);
  }

  const hear = ({ track }) => {
    if (track.kind === "audio") ear = new Ear(track, false);
  };

  Object.assign(window.viewer, {
    /** Sound as web-console offers it. */
    prepare(pc, requests) {
      [connection, telemetry] = [pc, requests];
      clearInterval(saying);
      const sound = pc.addTransceiver("audio", { direction: "sendrecv" });
      const { codecs } = RTCRtpReceiver.getCapabilities("audio");
      sound.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === "audio/opus"));
      sender = sound.sender;
      pc.addEventListener("track", hear);
      requests.addEventListener("open", () => requests.send('{"listen":false}'));
    },

    listen: (listen) => telemetry.send(JSON.stringify({ listen })),

    /** Talks, or stops it. */
    async talk(talks) {
      await openMicrophone();
      clearInterval(saying);
      const say = () => telemetry.send('{"talk":true}');
      if (talks) saying = setInterval(say, 500, say());
      await sender.replaceTrack(talks ? microphone : null);
    },

    /** A connection of this Chromium to itself, as a measure. */
    async toItself() {
      await openMicrophone();
      connection?.close();
      const [here, there] = [new RTCPeerConnection(), new RTCPeerConnection()];
      here.onicecandidate = ({ candidate }) => candidate && there.addIceCandidate(candidate);
      there.onicecandidate = ({ candidate }) => candidate && here.addIceCandidate(candidate);
      there.ontrack = hear;
      here.addTrack(microphone);
      await here.setLocalDescription();
      await there.setRemoteDescription(here.localDescription);
      await there.setLocalDescription();
      await here.setRemoteDescription(there.localDescription);
      connection = there;
    },

    /** What was said and what was heard since it was last asked. */
    sounds: () => ({ said: mouth?.seen() ?? null, heard: ear?.seen() ?? null }),

    /** Seconds of sound that Chromium has played, and has made up; and what its jitter buffer held on average, in ms. */
    async played() {
      const all = [...(await connection.getStats()).values()];
      const found = all.find(({ type, kind }) => type === "inbound-rtp" && kind === "audio") ?? {};
      const { totalSamplesReceived = 0, concealedSamples = 0, silentConcealedSamples = 0, jitterBufferDelay = 0, jitterBufferEmittedCount = 0 } = found;
      return {
        played_s: totalSamplesReceived / RATE,
        concealed_s: (concealedSamples - silentConcealedSamples) / RATE,
        buffered_s: jitterBufferDelay,
        emitted: jitterBufferEmittedCount,
      };
    },
  });
})();
