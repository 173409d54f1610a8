// Numbers as a person says them.

export function seconds(value) {
  if (value == null) return "–";
  if (value < 0.0005) return "0 ms";
  if (value < 0.9995) return `${value < 0.00995 ? (value * 1000).toFixed(1) : Math.round(value * 1000)} ms`;
  if (value < 99.5) return `${value.toFixed(value < 9.95 ? 1 : 0)} s`;
  const rounded = Math.round(value);
  if (value < 7200) return `${Math.floor(rounded / 60)} min ${rounded < 600 ? `${rounded % 60} s` : ""}`.trim();
  if (value < 172800) return `${(value / 3600).toFixed(1)} h`;
  return `${Math.round(value / 86400)} d`;
}

// hardware.memory counts in these, too.
const GIB = 2 ** 30;
const MIB = 2 ** 20;

export function bytes(value) {
  if (value == null) return "–";
  if (value >= GIB) return `${(value / GIB).toFixed(value < 10 * GIB ? 2 : 1)} GiB`;
  return `${Math.round(value / MIB)} MiB`;
}

// In which `bytes` says a value: an axis has round numbers of it.
export function byteUnit(value) {
  return value >= GIB ? GIB : MIB;
}

export function percent(value) {
  if (value == null) return "–";
  return `${(value * 100).toFixed(value > 0 && value < 0.0095 ? 1 : 0)} %`;
}

export function rate(value) {
  if (value == null) return "–";
  return value >= 100 || value === 0 ? `${Math.round(value)}/s` : `${value.toFixed(value < 10 ? 1 : 0)}/s`;
}

export function whole(value) {
  return value == null ? "–" : String(Math.round(value));
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

export function clock(moment, fine = false) {
  const time = new Date(moment);
  const text = time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
  return fine ? `${text}.${String(time.getMilliseconds()).padStart(3, "0")}` : text;
}

export function age(moment, now) {
  return Math.max(0, (new Date(now) - new Date(moment)) / 1000);
}

export function ago(moment, now) {
  return `${seconds(Math.max(1, Math.round(age(moment, now))))} ago`;
}

export function sentences(words) {
  return words.filter(Boolean).join(" · ");
}
