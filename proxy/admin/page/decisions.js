// What the autoscaler decided last, in its own words.

import { Keyed, el, say } from "./dom.js";
import { age, clock, count, seconds } from "./words.js";

export class Decisions {
  constructor() {
    this.list = el("ol", { class: "decisions" });
    this.items = new Keyed(this.list, (decision) => decision.at + decision.desired + decision.clamp, () => new Item());
    this.none = el("p", { class: "empty" }, "Nothing was decided yet.");
    this.element = el("div", {}, this.list, this.none);
  }

  update(app) {
    const all = app.decisions;
    const changes = all.map((decision, place) => ({ ...decision, before: all[place - 1]?.desired ?? null }));
    this.items.update(changes.reverse());
    this.none.hidden = all.length > 0;
  }
}

class Item {
  constructor() {
    this.when = el("time");
    this.what = el("strong");
    this.why = el("span");
    this.held = el("small");
    this.element = el("li", {}, this.when, this.what, el("div", {}, this.why, this.held));
  }

  update(decision) {
    const { at, until, before, desired, clamp, inputs } = decision;
    say(this.when, clock(at));
    const change = before == null || before === desired ? "" : `${before} → `;
    say(this.what, `${change}${count(desired, "replica")}`);
    say(this.why, decision.reason);
    const held = age(at, until) >= 1 ? `held for ${seconds(Math.round(age(at, until)))}` : "";
    const seen = `seen: ${inputs.in_flight} in flight, ${inputs.queued} queued, ${inputs.ready} ready`;
    say(this.held, [seen, clamp && `the last word had ${clamp}`, held].filter(Boolean).join(" · "));
  }
}
