// The page: one connection for the live view, the list of apps, and the app that is looked at.

import { AppView } from "./app.js";
import { get } from "./api.js";
import { Keyed, el, mark, say } from "./dom.js";
import { findings } from "./trouble.js";
import { clock, count, rate, sentences } from "./words.js";

const SAID_MS = 8000;
const SILENT_MS = 4000;

class Dashboard {
  constructor() {
    this.connection = document.getElementById("connection");
    this.nav = document.getElementById("apps");
    this.main = document.getElementById("app");
    this.said = document.getElementById("said");
    this.links = new Keyed(this.nav, (app) => app.name, (app) => new Link(app.name));
    this.view = null;
    this.shown = null;
    addEventListener("hashchange", () => this.draw());
    document.querySelector(".skip").addEventListener("click", (event) => this.skip(event));
    document.addEventListener("visibilitychange", () => (document.hidden ? this.leave() : this.watch()));
    this.watch();
  }

  // A hidden page asks for nothing.
  watch() {
    if (this.events) return;
    this.events = new EventSource("/api/live");
    this.events.onmessage = (event) => this.take(JSON.parse(event.data));
    this.events.onerror = () => this.lost();
    this.timer = setTimeout(() => this.lost(), SILENT_MS);
  }

  leave() {
    this.events?.close();
    this.events = null;
    clearTimeout(this.timer);
  }

  lost() {
    say(this.connection, "No connection to the proxy: trying again. What you see is old.");
    mark(this.connection, "data-level", "bad");
    mark(document.body, "data-old", "true");
    // An EventSource that was refused does not try again by itself.
    if (this.events?.readyState === EventSource.CLOSED) {
      this.leave();
      get("/api/apps").catch(() => {}); // an EventSource does not tell that its session has ended
      setTimeout(() => document.hidden || this.watch(), 1000);
    }
  }

  take(shown) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.lost(), SILENT_MS);
    this.shown = shown;
    say(this.connection, `Live, ${clock(shown.at)}`);
    mark(this.connection, "data-level", shown.ready ? "good" : "warn");
    mark(document.body, "data-old", "false");
    this.draw();
  }

  draw() {
    if (!this.shown) return;
    const { apps, at, ready } = this.shown;
    const wanted = asked();
    const app = apps.find((one) => one.name === wanted) ?? apps[0];
    this.nav.hidden = apps.length < 2;
    this.links.update(apps.map((one) => ({ ...one, at, accepting: ready, current: one === app })));
    if (this.view?.name !== app.name) {
      this.view?.close();
      this.view = new AppView(app.name, (text) => this.announce(text));
      this.main.replaceChildren(this.view.element);
      document.title = `${app.name} · Tidegate`;
    }
    this.view.update(app, at, ready);
  }

  // Not by following the link: what is behind the "#" names the app that is shown.
  skip(event) {
    event.preventDefault();
    this.main.focus();
  }

  announce(text) {
    say(this.said, text);
    clearTimeout(this.silence);
    this.silence = setTimeout(() => say(this.said, ""), SAID_MS);
  }
}

function asked() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

class Link {
  constructor(name) {
    this.rest = el("small");
    this.element = el("a", { href: `#${encodeURIComponent(name)}` }, el("strong", {}, name), this.rest);
  }

  update(app) {
    const ready = app.replicas.filter((replica) => replica.state === "ready").length;
    say(this.rest, sentences([`${ready} ready`, rate(app.sample?.requests_per_second), app.queue.length && count(app.queue.length, "waits", "wait")]));
    const worst = findings(app, app.at, app.accepting).some(({ level }) => level === "bad") ? "bad" : app.queue.length ? "warn" : "good";
    mark(this.element, "data-level", worst);
    if (app.current) mark(this.element, "aria-current", "page");
    else this.element.removeAttribute("aria-current");
  }
}

new Dashboard();
