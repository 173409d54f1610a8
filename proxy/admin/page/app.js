// One app, whole: what is wrong, how it does, how it did in the last hour, its replicas, decisions, failures and logs.

import { get, path, post } from "./api.js";
import { confirmed, limits } from "./ask.js";
import { Chart, Cursor } from "./chart.js";
import { Decisions } from "./decisions.js";
import { el, mark, say } from "./dom.js";
import { Logs } from "./logs.js";
import { Replicas } from "./replicas.js";
import { Failures, Trouble } from "./trouble.js";
import { byteUnit, bytes, count, percent, rate, seconds, sentences, whole } from "./words.js";

const SAMPLES = 720;
const PHASES = { create: "create", start: "start", load: "load", ready: "get ready" };

function charts(cursor) {
  const times = ["p50", "p95", "p99"].map((name, place) => ({ name: `${name}_seconds`, label: name, tone: `tone${place + 1}` }));
  return [
    { title: "Requests", format: rate, series: [
      { name: "requests_per_second", label: "all", tone: "tone1" }, { name: "errors_per_second", label: "5xx", tone: "bad" }] },
    { title: "Request times", format: seconds, series: times },
    { title: "Replicas", kind: "stack", whole: true, format: whole, series: [
      { name: "ready", label: "ready", tone: "ready" }, { name: "starting", label: "starting", tone: "starting" },
      { name: "unready", label: "unready", tone: "unready" }, { name: "draining", label: "draining", tone: "draining" },
      { name: "desired", label: "wanted", tone: "wanted", line: true }] },
    { title: "Queue", whole: true, format: whole, series: [
      { name: "queued", label: "waiting", tone: "tone2" }, { name: "in_flight", label: "in flight", tone: "tone1" }] },
    { title: "Wait for a slot", format: seconds, series: [{ name: "wait_p95_seconds", label: "p95", tone: "tone2" }] },
    { title: "Cold starts and failures", kind: "stack", whole: true, format: whole, series: [
      { name: "cold_starts", label: "cold starts", tone: "starting" }, { name: "failures", label: "failures", tone: "bad" }] },
    { title: "CPU and GPU, mean", format: percent, series: [
      { name: "cpu_ratio", label: "of hardware.cpu", tone: "tone1" }, { name: "gpu_ratio", label: "GPU", tone: "tone2" }] },
    { title: "Memory, all replicas", format: bytes, unit: byteUnit, series: [{ name: "memory_bytes", label: "resident", tone: "tone3" }] },
  ].map((about) => new Chart(cursor, about));
}

function section(title, part, id) {
  return el("section", { class: "panel", "aria-labelledby": id }, el("h2", { id }, title), part.element);
}

export class AppView {
  constructor(name, announce) {
    this.name = name;
    this.announce = announce;
    this.history = null;
    this.loading = false;
    this.refused = false;
    this.about = el("p", { class: "about" });
    this.scaleButton = el("button", { type: "button", class: "main", onclick: () => this.scale() }, "Scale …");
    this.trouble = new Trouble();
    this.tiles = new Tiles();
    this.charts = charts(new Cursor());
    this.logs = new Logs(name);
    const showLogs = (replica) => this.logs.show(replica);
    this.replicas = new Replicas({ logs: showLogs, drain: (one) => this.drain(one), restart: (one) => this.restart(one) });
    this.decisions = new Decisions();
    this.failures = new Failures(showLogs);
    this.failed = section("Failures", this.failures, "failures");
    this.phases = new Phases();
    this.element = this.build();
    this.load();
  }

  build() {
    return el("article", { "aria-label": this.name },
      el("div", { class: "head" }, el("div", {}, el("h2", { class: "name" }, this.name), this.about), this.scaleButton),
      this.trouble.element,
      this.tiles.element,
      section("Replicas", this.replicas, "replicas"),
      this.failed,
      el("section", { class: "charts", "aria-label": "The last hour" }, ...this.charts.map((chart) => chart.element)),
      el("div", { class: "columns" },
        section("Decisions of the autoscaler", this.decisions, "decisions"),
        section("A cold start, by phase", this.phases, "phases")),
      section("Logs", this.logs, "logs"));
  }

  // Tried again with the next word from the proxy, but said once.
  async load() {
    if (this.loading) return;
    this.loading = true;
    try {
      this.history = await get(path(this.name, "history"));
      this.refused = false;
      this.draw();
    } catch (error) {
      if (!this.refused) this.announce(`The last hour cannot be shown: ${error.message}: trying again.`);
      this.refused = true;
    } finally {
      this.loading = false;
    }
  }

  close() {
    this.logs.close();
  }

  update(app, now, accepting) {
    this.app = app;
    const { queue, scaling } = app;
    say(this.about, sentences([app.backend, app.balancer, `${count(app.concurrency, "request")} at once per replica`,
      `${scaling.min} to ${count(scaling.max, "replica")}`, `by ${scaling.metric.replaceAll("_", " ")}`,
      `queue of ${queue.limit}`, `revision ${app.revision.number}`]));
    this.scaleButton.hidden = app.backend === "static";
    this.trouble.update(app, now, accepting);
    this.tiles.update(app);
    this.replicas.update(app, now);
    this.failed.hidden = app.failures.length === 0;
    this.failures.update(app, now);
    this.decisions.update(app);
    this.phases.update(app);
    this.logs.update(app);
    this.note(app.sample);
  }

  note(sample) {
    if (!this.history) this.load();
    if (!sample || !this.history || sample.at <= (this.history.at ?? "")) return;
    const missed = this.history.at && Date.parse(sample.at) - Date.parse(this.history.at) > 1.5 * this.history.seconds * 1000;
    if (missed) {
      this.load();
      return;
    }
    this.history.at = sample.at;
    for (const [name, value] of Object.entries(sample)) {
      if (name === "at") continue;
      const column = (this.history.series[name] ??= []);
      column.push(value);
      if (column.length > SAMPLES) column.shift();
    }
    this.draw();
  }

  draw() {
    for (const chart of this.charts) chart.update(this.history);
  }

  scale() {
    limits(this.name, this.app.scaling, async (given) => {
      const now = await post(path(this.name, "scale"), given);
      this.announce(`${this.name} has from ${now.min_replicas} to ${count(now.max_replicas, "replica")} now.`);
    });
  }

  drain(replica) {
    const text = `It gets no more requests, finishes ${count(replica.in_flight, "request")} that it has, and ends. ` +
      "The autoscaler starts another if one is wanted.";
    confirmed(`Drain ${replica.id}?`, text, "Drain", () => this.act(replica, "drain", "drains"));
  }

  restart(replica) {
    const text = `Another takes its place: it starts now, while this one finishes ${count(replica.in_flight, "request")} that it has.`;
    confirmed(`Restart ${replica.id}?`, text, "Restart", () => this.act(replica, "restart", "is restarted"));
  }

  async act(replica, action, done) {
    await post(path(this.name, "replicas", replica.id, action));
    this.announce(`${replica.id} ${done}.`);
  }
}

class Tiles {
  constructor() {
    const names = ["Requests", "Median, last minute", "In flight", "Waiting", "Replicas", "Cold start"];
    this.tiles = names.map((name) => {
      const [value, rest] = [el("dd", { class: "value" }), el("dd", { class: "rest" })];
      return { value, rest, element: el("div", { class: "tile" }, el("dt", {}, name), value, rest) };
    });
    this.element = el("dl", { class: "tiles" }, ...this.tiles.map((tile) => tile.element));
  }

  update(app) {
    const { sample = null, queue, scaling, cold_start: cold } = app;
    const ready = app.replicas.filter((replica) => replica.state === "ready");
    const slots = ready.reduce((sum, replica) => sum + replica.limit, 0);
    const errors = sample?.errors_per_second ? `${rate(sample.errors_per_second)} answered 5xx` : "no errors";
    const others = app.replicas.length - ready.length;
    const rows = [
      [rate(sample?.requests_per_second), sample ? errors : "measuring …"],
      [seconds(sample?.p50_seconds), sample?.p99_seconds == null ? "no request finished" : `p95 ${seconds(sample.p95_seconds)}, p99 ${seconds(sample.p99_seconds)}`],
      [whole(app.in_flight), slots ? `of ${count(slots, "slot")}` : "no slots"],
      [whole(queue.length), queue.length ? `the first for ${seconds(queue.oldest_wait_seconds)}` : "nobody waits"],
      [`${ready.length} ready`, sentences([others && `${others} not`, `${whole(scaling.desired)} wanted`])],
      [seconds(cold.seconds), `${count(cold.count, "cold start")} so far`],
    ];
    rows.forEach(([value, rest], place) => {
      say(this.tiles[place].value, value);
      say(this.tiles[place].rest, rest);
    });
    mark(this.tiles[0].element, "data-level", sample?.errors_per_second ? "bad" : "");
    mark(this.tiles[3].element, "data-level", queue.length ? "warn" : "");
    mark(this.tiles[4].element, "data-level", scaling.desired > ready.length ? "warn" : "");
  }
}

class Phases {
  constructor() {
    this.bars = Object.entries(PHASES).map(([name, label], place) => {
      const [bar, text] = [el("i", { class: `tone${place + 1}` }), el("b")];
      return { name, bar, text, row: el("li", {}, el("span", {}, label), el("div", { class: "track", "aria-hidden": "true" }, bar), text) };
    });
    this.list = el("ul", { class: "phases" }, ...this.bars.map((bar) => bar.row));
    this.none = el("p", { class: "empty" }, "No replica has got ready yet.");
    this.element = el("div", {}, this.list, this.none, el("p", { class: "hint" }, "The median of the last nine."));
  }

  update({ cold_start: cold }) {
    const total = cold.seconds || 1;
    this.list.hidden = !cold.count;
    this.none.hidden = cold.count > 0;
    for (const { name, bar, text } of this.bars) {
      bar.style.width = `${Math.min(1, (cold.phases[name] ?? 0) / total) * 100}%`;
      say(text, seconds(cold.phases[name] ?? 0));
    }
  }
}
