// What is wrong with an app and what those who wait are waiting for, in sentences, before anything else on the page.

import { Keyed, el, mark, say } from "./dom.js";
import { age, ago, clock, count, seconds } from "./words.js";

const RECENT_SECONDS = 300;
const SLOW_START_SECONDS = 15;
// A shorter wait comes and goes: it is told by numbers, not in a sentence that makes the page jump.
const LONG_WAIT_SECONDS = 1;

// {level, text} in the order of what matters most; `level` is "bad", "warn" or "good".
export function findings(app, now, accepting) {
  const found = [];
  const of = (state) => app.replicas.filter((replica) => replica.state === state);
  const [ready, starting, unready] = ["ready", "starting", "unready"].map(of);
  if (!accepting) found.push({ level: "warn", text: "The proxy is shutting down: running requests are finished, new ones are refused." });
  const { number, state, reason } = app.revision;
  if (state === "rolled back") found.push({ level: "warn", text: `The last change does not work: ${reason}` });
  else if (reason) found.push({ level: "good", text: `The app is ${reason}.` });
  else if (state === "preparing") found.push({ level: "good", text: `Another revision is being prepared, revision ${number} serves.` });
  const failure = app.failures.at(-1);
  if (failure && age(failure.at, now) < RECENT_SECONDS && !recovered(ready, failure)) {
    const text = ready.length ? "A replica failed" : "No replica can serve: the last one failed";
    const words = failure.last_lines.findLast((line) => line.trim());
    const last = words ? `. Its last words: ${words.trim()}` : "";
    found.push({ level: ready.length ? "warn" : "bad", text: `${text} ${ago(failure.at, now)}: ${failure.reason}${last}` });
  }
  if (app.queue.oldest_wait_seconds >= LONG_WAIT_SECONDS) found.push({ level: "warn", text: waiting(app, starting, now) });
  for (const replica of unready) found.push({ level: "warn", text: `${replica.id} takes no requests: ${replica.last_probe}` });
  for (const replica of starting) {
    const since = age(replica.started_at, now);
    const said = replica.last_probe || "nothing has answered yet";
    if (since >= SLOW_START_SECONDS) found.push({ level: "warn", text: `${replica.id} has been starting for ${seconds(since)}: ${said}` });
  }
  return found;
}

function recovered(ready, failure) {
  return ready.some((replica) => replica.ready_at > failure.at);
}

function waiting(app, starting, now) {
  const { length, oldest_wait_seconds: oldest, limit } = app.queue;
  const who = `${count(length, "request waits", "requests wait")}, the first for ${seconds(oldest)}`;
  const full = length >= limit ? " The queue is full: more are refused." : "";
  if (starting.length) {
    const first = starting.reduce((one, other) => (one.started_at < other.started_at ? one : other));
    return `${who}: ${count(starting.length, "replica is", "replicas are")} starting, for ${seconds(age(first.started_at, now))} so far.${full}`;
  }
  return `${who}: every slot is taken. ${app.scaling.reason}.${full}`;
}

export class Trouble {
  constructor() {
    this.element = el("ul", { class: "findings", "aria-label": "What is wrong" });
    this.items = new Keyed(this.element, (finding) => finding.key, () => new Item());
  }

  update(app, now, accepting) {
    const found = findings(app, now, accepting);
    this.items.update(found.map((finding, place) => ({ ...finding, key: `${finding.level}${place}` })));
    this.element.hidden = found.length === 0;
  }
}

class Item {
  constructor() {
    this.element = el("li");
  }

  update({ level, text }) {
    mark(this.element, "data-level", level);
    say(this.element, text);
  }
}

// The failures of an app, the newest first and open: what it said last is what one looks for.
export class Failures {
  constructor(showLogs) {
    this.list = el("div", { class: "failures" });
    this.items = new Keyed(this.list, (failure) => failure.replica + failure.at, (failure) => new Failed(failure, showLogs));
    this.element = this.list;
  }

  update(app, now) {
    const newest = [...app.failures].reverse();
    this.items.update(newest.map((failure, place) => ({ ...failure, now, first: place === 0 })));
  }
}

class Failed {
  constructor(failure, showLogs) {
    this.when = el("time", { datetime: failure.at, title: failure.at });
    const said = failure.last_lines.length ? failure.last_lines.join("\n") : "It printed nothing.";
    const probe = failure.last_probe ? el("p", {}, `Last probe: ${failure.last_probe}`) : "";
    const life = failure.was_ready ? "had been ready" : "never got ready";
    const lines = el("pre", { tabindex: 0, "aria-label": `Last lines of ${failure.replica}` }, said);
    const toEnd = () => (lines.scrollTop = lines.scrollHeight);
    this.element = el("details", { ontoggle: toEnd },
      el("summary", { onclick: () => (this.touched = true) }, this.when, " ", el("code", {}, failure.replica), " ", el("strong", {}, failure.reason), ` (${life})`),
      probe,
      lines,
      el("button", { type: "button", class: "small", onclick: () => showLogs({ id: failure.replica }) }, "All its logs"));
    this.touched = false;
  }

  update(failure) {
    say(this.when, `${clock(failure.at)}, ${ago(failure.at, failure.now)}`);
    if (!this.touched) this.element.open = failure.first;
  }
}
