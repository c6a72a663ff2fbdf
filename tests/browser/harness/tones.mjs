// Tones in WAV files: made, and found again. Mono, 16 bits, 48 kHz.

const RATE = 48_000;
const HEADER_BYTES = 44;

/** Ten seconds of a tone, `amplitude` a part of full scale. */
export function toneFile(hertz, amplitude) {
  const count = RATE * 10;
  const file = Buffer.alloc(HEADER_BYTES + count * 2);
  file.write("RIFF", 0);
  file.writeUInt32LE(file.length - 8, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(RATE, 24);
  file.writeUInt32LE(RATE * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(count * 2, 40);
  for (let at = 0; at < count; at++) {
    const sample = Math.sin((2 * Math.PI * hertz * at) / RATE) * amplitude * 32_767;
    file.writeInt16LE(Math.round(sample), HEADER_BYTES + at * 2);
  }
  return file;
}

/** Of a file that is still being written, too. */
export function samples(file) {
  const count = Math.max(0, Math.floor((file.length - HEADER_BYTES) / 2));
  return Float64Array.from({ length: count }, (_, at) => file.readInt16LE(HEADER_BYTES + at * 2) / 32_768);
}

/** Root mean square, as a part of full scale. */
export function level(samples) {
  return Math.sqrt(samples.reduce((power, sample) => power + sample * sample, 0) / Math.max(1, samples.length));
}

/** The share of the power that is at `hertz`, by Goertzel's algorithm. */
export function purity(samples, hertz) {
  const turn = 2 * Math.cos((2 * Math.PI * hertz) / RATE);
  let [before, last] = [0, 0];
  for (const sample of samples) [before, last] = [last, sample + turn * last - before];
  const power = last * last + before * before - turn * last * before;
  const all = samples.reduce((sum, sample) => sum + sample * sample, 0);
  return (power * 2) / Math.max(1, samples.length) / Math.max(1e-9, all);
}
