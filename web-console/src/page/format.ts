// Values as people read them. Pure. What the robot cannot tell is a dash.

const UNKNOWN = "–";

export function volts(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${value.toFixed(1)} V`;
}

export function degrees(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${Math.round(value)} °C`;
}

export function milliseconds(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

export function age(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${milliseconds(value)} old`;
}

export function count(value: number | undefined): string {
  return value === undefined ? UNKNOWN : value.toLocaleString("en");
}

export function dbm(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${Math.round(value)} dBm`;
}

export function mebibytes(kib: number | undefined): string {
  return kib === undefined ? UNKNOWN : `${(kib / 1024).toFixed(1)} MiB`;
}

/** A throttle with its sign, so forward and backward differ at a glance. */
export function throttle(value: number): string {
  const percent = Math.round(value * 100);
  return percent > 0 ? `+${percent} %` : percent < 0 ? `−${-percent} %` : "0 %";
}

/** A span of time in its two largest units at most: `4 min`, `2 h 5 min`. */
export function span(seconds: number | undefined): string {
  if (seconds === undefined) return UNKNOWN;
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (whole < 60) return `${whole} s`;
  if (minutes < 60) return `${minutes} min`;
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${days} d ${hours % 24} h`;
}

export function ago(thenMs: number | null, nowMs: number): string {
  return thenMs === null ? "never seen" : `seen ${span((nowMs - thenMs) / 1000)} ago`;
}

export function perSecond(fps: number | undefined): string {
  return fps === undefined ? UNKNOWN : `${Math.round(fps)} fps`;
}

export function bitrate(kbps: number | undefined): string {
  if (kbps === undefined) return UNKNOWN;
  return kbps < 1000 ? `${Math.round(kbps)} kbit/s` : `${(kbps / 1000).toFixed(1)} Mbit/s`;
}
