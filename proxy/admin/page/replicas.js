// The replicas of one app: a row each, with what it does, what it uses and what can be done with it.

import { Keyed, el, mark, say } from "./dom.js";
import { age, bytes, percent, seconds } from "./words.js";

const STATES = {
  ready: "takes requests",
  starting: "not ready yet",
  unready: "takes no requests for now",
  draining: "finishes what runs, then ends",
  failed: "is being ended",
  stopped: "is gone",
};
const HEADS = ["State", "Replica", "In flight", "CPU", "Memory", "Age", "Cold start", "Last probe", "Actions"];

export class Replicas {
  // `actions`: {logs, drain, restart}, each with a replica; none but logs where the replicas are somebody else's.
  constructor(actions) {
    this.body = el("tbody");
    this.rows = new Keyed(this.body, (replica) => replica.id, () => new Row(actions));
    this.none = el("p", { class: "empty" });
    this.element = el("div", { class: "scrolling" },
      el("table", { class: "replicas" },
        el("caption", { class: "unseen" }, "Replicas"),
        el("thead", {}, el("tr", {}, ...HEADS.map((head) => el("th", { scope: "col" }, head)))),
        this.body),
      this.none);
  }

  update(app, now) {
    this.rows.update(app.replicas.map((replica) => ({ ...replica, now, fixed: app.backend === "static" })));
    this.none.hidden = app.replicas.length > 0;
    const wanted = app.scaling.desired;
    say(this.none, wanted ? `No replica runs, ${wanted} wanted: one is started soon.` : "No replica runs. The next request starts one.");
  }
}

class Row {
  constructor(actions) {
    this.actions = actions;
    this.replica = null;
    this.state = el("span", { class: "state" });
    this.id = el("code");
    this.address = el("small");
    this.flight = meter();
    this.cpu = meter();
    this.memory = el("span");
    this.gpu = el("small");
    this.age = el("span");
    this.cold = el("span");
    this.probe = el("span", { class: "probe" });
    this.buttons = ["logs", "restart", "drain"].map((name) => this.button(name));
    const cells = [
      this.state, el("div", {}, this.id, this.address), this.flight.element, this.cpu.element, el("div", {}, this.memory, this.gpu),
      this.age, this.cold, this.probe, el("div", { class: "buttons" }, ...this.buttons),
    ];
    this.element = el("tr", {}, ...cells.map((cell, place) => el("td", { "data-head": HEADS[place] }, cell)));
  }

  button(name) {
    const text = name[0].toUpperCase() + name.slice(1);
    return el("button", { type: "button", class: "small", onclick: () => this.actions[name](this.replica) }, text);
  }

  update(replica) {
    this.replica = replica;
    mark(this.element, "data-state", replica.state);
    say(this.state, replica.state);
    mark(this.state, "title", STATES[replica.state]);
    say(this.id, replica.id);
    say(this.address, [replica.address, `revision ${replica.revision}`].filter(Boolean).join(", "));
    this.flight.update(replica.in_flight / replica.limit, `${replica.in_flight} / ${replica.limit}`);
    this.cpu.update(replica.cpu_ratio, percent(replica.cpu_ratio));
    say(this.memory, bytes(replica.memory_bytes));
    const gpu = replica.gpu_ratio == null ? "" : `GPU ${percent(replica.gpu_ratio)}, ${bytes(replica.gpu_memory_bytes)}`;
    say(this.gpu, gpu);
    say(this.age, seconds(age(replica.started_at, replica.now)));
    say(this.cold, replica.cold_start_seconds == null ? "–" : seconds(replica.cold_start_seconds));
    say(this.probe, replica.last_probe || "–");
    this.buttons.forEach((button, place) => {
      mark(button, "aria-label", `${button.textContent} ${replica.id}`);
      button.hidden = place > 0 && replica.fixed;
      button.disabled = place > 0 && !["ready", "starting", "unready"].includes(replica.state);
    });
  }
}

function meter() {
  const bar = el("i");
  const text = el("span");
  return {
    element: el("div", { class: "meter" }, text, el("div", { class: "track", "aria-hidden": "true" }, bar)),
    update(share, said) {
      say(text, said);
      const full = Math.max(0, Math.min(1, share ?? 0));
      bar.style.width = `${full * 100}%`;
      mark(bar, "class", full >= 0.995 ? "full" : "");
    },
  };
}
