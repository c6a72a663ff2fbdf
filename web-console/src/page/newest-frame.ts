// When the newest frame of a video was painted.

/** `paintedMs` is by `performance.now`; null before the first frame. */
export interface NewestFrame {
  readonly paintedMs: number | null;
}

export function newestFrame(video: HTMLVideoElement): NewestFrame {
  return "requestVideoFrameCallback" in video ? byCallback(video) : byCount(video);
}

function byCallback(video: HTMLVideoElement): NewestFrame {
  const newest: { paintedMs: number | null } = { paintedMs: null };
  const painted = (now: number) => {
    newest.paintedMs = now;
    video.requestVideoFrameCallback(painted);
  };
  video.requestVideoFrameCallback(painted);
  return newest;
}

/** For browsers without the callback: as often as it is asked, the painted frames are counted. */
function byCount(video: HTMLVideoElement): NewestFrame {
  let frames = 0;
  let paintedMs: number | null = null;
  return {
    get paintedMs() {
      const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
      const now = totalVideoFrames - droppedVideoFrames;
      // A count that went back is that of another stream.
      if (now > frames) paintedMs = performance.now();
      frames = now;
      return paintedMs;
    },
  };
}
