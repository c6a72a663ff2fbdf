// When the newest frame of a video was painted, and how old it was then.

/**
 * `paintedMs` is by `performance.now`; null before the first frame. `ageMs` is from the capture at the camera until
 * then; undefined before the browser knows how the robot's clock stands to its own.
 */
export interface NewestFrame {
  readonly paintedMs: number | null;
  readonly ageMs: number | undefined;
}

export function newestFrame(video: HTMLVideoElement): NewestFrame {
  return "requestVideoFrameCallback" in video ? byCallback(video) : byCount(video);
}

function byCallback(video: HTMLVideoElement): NewestFrame {
  const newest: { paintedMs: number | null; ageMs: number | undefined } = { paintedMs: null, ageMs: undefined };
  const painted = (now: number, { captureTime, expectedDisplayTime }: VideoFrameCallbackMetadata) => {
    newest.paintedMs = now;
    newest.ageMs = captureTime === undefined ? undefined : Math.max(0, expectedDisplayTime - captureTime);
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
    ageMs: undefined,
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
