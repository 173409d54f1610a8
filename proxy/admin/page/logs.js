// What the replicas of an app print, followed while it is looked at.

import { follow, get, path } from "./api.js";
import { el } from "./dom.js";
import { clock } from "./words.js";

const LINES = 300;
const RETRY_MS = 2000;

export class Logs {
  constructor(app) {
    this.app = app;
    this.known = "";
    this.running = [];
    this.printed = [];
    this.choice = el("select", { id: "log-replica", onchange: () => this.restart() });
    this.lines = el("pre", { class: "log", tabindex: 0, role: "log", "aria-label": `Logs of ${app}`, "aria-live": "off" });
    this.note = el("p", { class: "empty" });
    this.element = el("div", {},
      el("p", { class: "fields" }, el("label", { for: "log-replica" }, "Replica", this.choice), el("small", {}, "newest at the end, followed")),
      this.lines, this.note);
    this.offer([]);
    this.watch = new IntersectionObserver(([entry]) => this.seen(entry.isIntersecting));
    this.watch.observe(this.element);
  }

  // The panel asks only while it is on the screen: a browser has few connections to one server.
  seen(visible) {
    if (visible && !this.following) this.restart();
    else if (!visible) this.stop();
  }

  update(app) {
    this.offer(app.replicas.map((replica) => replica.id));
  }

  show(replica) {
    if (![...this.choice.options].some((option) => option.value === replica.id)) this.printed.unshift(replica.id);
    this.offer(this.running);
    this.choice.value = replica.id;
    this.restart();
    this.element.scrollIntoView({ block: "center" });
    this.lines.focus({ preventScroll: true });
  }

  offer(running) {
    this.running = running;
    const gone = this.printed.filter((id) => !running.includes(id));
    const key = `${running}|${gone}`;
    if (key === this.known && this.choice.options.length) return;
    this.known = key;
    const chosen = this.choice.value;
    const option = (id, text = id) => el("option", { value: id }, text);
    this.choice.replaceChildren(option("", "all"), ...running.map((id) => option(id)), ...gone.map((id) => option(id, `${id} (gone)`)));
    this.choice.value = [...this.choice.options].some((one) => one.value === chosen) ? chosen : "";
  }

  stop() {
    this.following?.abort();
    this.following = null;
  }

  close() {
    this.watch.disconnect();
    this.stop();
  }

  async restart() {
    this.stop();
    const mine = (this.following = new AbortController());
    this.lines.replaceChildren();
    this.note.textContent = "Nothing was printed yet.";
    const url = `${path(this.app, "logs")}?follow=1&lines=${LINES}&replica=${encodeURIComponent(this.choice.value)}`;
    try {
      this.printed = await get(path(this.app, "logs", "replicas"));
      this.offer(this.running);
      await follow(url, (lines) => mine === this.following && this.add(lines), mine.signal);
    } catch (error) {
      if (mine.signal.aborted) return;
      this.note.textContent = error.message;
    }
    setTimeout(() => mine === this.following && this.restart(), RETRY_MS);
  }

  add(lines) {
    const box = this.lines;
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    const many = this.choice.value === "";
    box.append(...lines.slice(-LINES).map((line) => this.row(line, many)));
    while (box.childElementCount > 2 * LINES) box.firstElementChild.remove();
    if (atEnd) box.scrollTop = box.scrollHeight;
    this.note.textContent = "";
  }

  row({ at, replica, text }, many) {
    const when = el("time", { datetime: at }, clock(at, true));
    const who = many ? el("b", {}, replica.replace(`${this.app}-`, "")) : "";
    return el("span", { class: "row" }, when, who, el("span", {}, `${text}\n`));
  }
}
