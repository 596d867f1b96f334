/** A text of events that is longer: the same lines again and again, each time later. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

// The first `seconds.fraction: ` of a line; in between no other colon ends a number with decimals.
const TIME = /(?<=\s)(\d+)\.(\d{6,9})(?=: )/;

/**
 * Writes `file` (packed or not) as often as `bytes` needs, with times that go on; returns lines
 * that are events and bytes written. What stands before the first event is written once.
 */
export function repeatText(file, target, bytes) {
  const raw = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(raw) : raw).toString('latin1');
  const { head, body, places } = placesOfTimes(text);
  const spread = places.at(-1).seconds - places[0].seconds + 1;
  const output = openSync(target, 'w');
  writeSync(output, head);
  let written = head.length;
  let times = 0;
  for (; written < bytes; times++) {
    for (const { at, width, seconds } of places) {
      const later = String(seconds + times * spread).padStart(width, ' ');
      if (later.length > width) throw new Error(`${file}: no room for later times`);
      body.write(later, at, 'latin1');
    }
    written += writeSync(output, body);
  }
  closeSync(output);
  return { events: times * places.length, bytes: written };
}

/** Where the seconds stand; with spaces before them, so that they may become longer. */
function placesOfTimes(text) {
  const first = text.split('\n').findIndex((line) => TIME.test(line));
  const lines = text.split(/(?<=\n)/);
  const head = Buffer.from(lines.slice(0, first).join(''), 'latin1');
  const places = [];
  let at = 0;
  for (const line of lines.slice(first)) {
    const match = TIME.exec(line);
    if (match !== null) {
      const spaces = /\s*$/.exec(line.slice(0, match.index))[0].length - 1;
      const from = match.index - spaces;
      const width = spaces + match[1].length;
      places.push({ at: at + from, width, seconds: Number(match[1]) });
    }
    at += line.length;
  }
  return { head, body: Buffer.from(lines.slice(first).join(''), 'latin1'), places };
}
