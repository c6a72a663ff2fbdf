// Values as people read them. Pure. What the robot cannot tell is a dash.

import { locale, texts } from "./language";

const UNKNOWN = "–";

/** With so many digits after the point, as it is written here. */
export function decimal(value: number, digits = 0): string {
  // -0 is nobody's friend.
  const rounded = Number(value.toFixed(digits)) + 0;
  return rounded.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function volts(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${decimal(value, 1)} V`;
}

export function degrees(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${decimal(value)} °C`;
}

export function milliseconds(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  return `${decimal(value, value < 10 ? 1 : 0)} ms`;
}

export function age(value: number | undefined): string {
  return value === undefined ? UNKNOWN : texts.old(milliseconds(value));
}

export function count(value: number | undefined): string {
  return value === undefined ? UNKNOWN : decimal(value);
}

export function dbm(value: number | undefined): string {
  return value === undefined ? UNKNOWN : `${decimal(value)} dBm`;
}

export function mebibytes(kib: number | undefined): string {
  return kib === undefined ? UNKNOWN : `${decimal(kib / 1024, 1)} MiB`;
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
  return thenMs === null ? texts.neverSeen : texts.seenAgo(span((nowMs - thenMs) / 1000));
}

export function perSecond(fps: number | undefined): string {
  return fps === undefined ? UNKNOWN : `${decimal(fps)} fps`;
}

export function bitrate(kbps: number | undefined): string {
  if (kbps === undefined) return UNKNOWN;
  return kbps < 1000 ? `${decimal(kbps)} kbit/s` : `${decimal(kbps / 1000, 1)} Mbit/s`;
}
