// Numbers as a person says them.

export function seconds(value) {
  if (value == null) return "–";
  if (value < 0.0005) return "0 ms";
  if (value < 1) return `${value < 0.01 ? (value * 1000).toFixed(1) : Math.round(value * 1000)} ms`;
  if (value < 100) return `${value.toFixed(value < 10 ? 1 : 0)} s`;
  if (value < 7200) return `${Math.floor(value / 60)} min ${value < 600 ? `${Math.round(value % 60)} s` : ""}`.trim();
  if (value < 172800) return `${(value / 3600).toFixed(1)} h`;
  return `${Math.round(value / 86400)} d`;
}

export function bytes(value) {
  if (value == null) return "–";
  if (value >= 1e9) return `${(value / 1e9).toFixed(value < 1e10 ? 2 : 1)} GB`;
  return `${Math.round(value / 1e6)} MB`;
}

export function percent(value) {
  return value == null ? "–" : `${Math.round(value * 100)} %`;
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
