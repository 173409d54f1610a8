// One chart of the last hour: lines, stacked areas or bars, with the values at the cursor in its legend.

import { el, mark, say, svg } from "./dom.js";
import { clock } from "./words.js";

const WIDTH = 600;
const HEIGHT = 120;
const SPANS_MINUTES = [5, 15, 30, 60];

// Where all charts of the page point at: `back` samples before the newest; null is the newest itself.
export class Cursor {
  constructor() {
    this.back = null;
    this.charts = [];
  }

  move(back) {
    if (back === this.back) return;
    this.back = back;
    for (const chart of this.charts) chart.point();
  }
}

export class Chart {
  // `series`: [{name, label, tone}]; `format` says a value, in units of `unit(value)`; `whole` asks for an axis of
  // whole numbers.
  constructor(cursor, { title, series, format, kind = "line", whole = false, unit = () => 1 }) {
    Object.assign(this, { cursor, title, series, format, kind, whole, unit });
    this.history = null;
    this.values = series.map(() => el("b"));
    this.when = el("span", { class: "when" });
    this.shapes = series.map(({ tone }) => svg("path", { class: `${kind === "line" ? "line" : "area"} ${tone}` }));
    this.needle = svg("line", { class: "needle", y1: 0, y2: HEIGHT, visibility: "hidden" });
    this.ticks = [el("span"), el("span"), el("span")];
    this.from = el("span");
    this.element = this.build();
    cursor.charts.push(this);
  }

  build() {
    const grid = [0, HEIGHT / 2, HEIGHT].map((y) => svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: y, y2: y }));
    const drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    drawing.append(...grid, ...this.shapes, this.needle);
    this.plot = el("div", {
      class: "plot", tabindex: 0, role: "img",
      onpointermove: (event) => this.cursor.move(this.backAt(event)),
      onpointerleave: () => this.cursor.move(null),
      onblur: () => this.cursor.move(null),
      onkeydown: (event) => this.step(event),
    }, drawing, el("div", { class: "ticks", "aria-hidden": "true" }, ...this.ticks));
    const legend = this.series.map(({ label, tone }, place) =>
      el("li", {}, el("i", { class: tone }), el("span", {}, label), this.values[place]));
    return el("figure", { class: "chart" },
      el("figcaption", {}, el("h3", {}, this.title), this.when),
      el("ul", { class: "legend" }, ...legend),
      this.plot,
      el("p", { class: "axis", "aria-hidden": "true" }, this.from, el("span", {}, "now")));
  }

  update(history) {
    this.history = history;
    const kept = this.column(this.series[0]).length;
    const minutes = SPANS_MINUTES.find((span) => kept * history.seconds <= span * 60) ?? 60;
    this.span = (minutes * 60) / history.seconds;
    say(this.from, `${minutes} min ago`);
    this.draw();
    this.point();
  }

  column({ name }) {
    return this.history.series[name] ?? [];
  }

  draw() {
    const columns = this.series.map((one) => this.column(one).slice(-this.span));
    const tops = this.kind === "line" ? columns : stacked(columns);
    const lineOnTop = this.kind === "stack" ? this.series.findIndex(({ line }) => line) : -1;
    if (lineOnTop >= 0) tops[lineOnTop] = columns[lineOnTop];
    const most = Math.max(0, ...tops.flat().filter((value) => value != null));
    const unit = this.unit(most);
    const top = ceiling(most / unit, this.whole) * unit;
    const x = (place, length) => WIDTH - ((length - 1 - place) * WIDTH) / (this.span - 1);
    const y = (value) => HEIGHT - (value / top) * HEIGHT;
    this.shapes.forEach((shape, place) => {
      const flat = this.kind === "line" || place === lineOnTop;
      if (flat) shape.setAttribute("class", `line ${this.series[place].tone}`);
      const bottom = place && this.kind === "stack" ? tops[place - 1] : null;
      mark(shape, "d", flat ? linePath(tops[place], x, y) : areaPath(tops[place], bottom, x, y));
    });
    [top, top / 2, 0].forEach((value, place) => say(this.ticks[place], this.format(value)));
  }

  point() {
    if (!this.history) return;
    const back = this.cursor.back;
    const said = this.series.map((one, place) => {
      const column = this.column(one);
      const text = this.format(column.at(-1 - (back ?? 0)) ?? null);
      say(this.values[place], text);
      return `${one.label} ${text}`;
    });
    const moment = this.history.at && back != null ? Date.parse(this.history.at) - back * this.history.seconds * 1000 : null;
    say(this.when, moment ? clock(moment) : "");
    mark(this.plot, "aria-label", `${this.title}${moment ? ` at ${clock(moment)}` : ""}: ${said.join(", ")}`);
    const place = WIDTH - ((back ?? 0) * WIDTH) / (this.span - 1);
    mark(this.needle, "x1", String(place));
    mark(this.needle, "x2", String(place));
    mark(this.needle, "visibility", back == null ? "hidden" : "visible");
  }

  backAt(event) {
    if (!this.history) return null;
    const box = this.plot.getBoundingClientRect();
    const share = (box.right - event.clientX) / box.width;
    return this.inside(Math.round(share * (this.span - 1)));
  }

  step(event) {
    const step = { ArrowLeft: 1, ArrowRight: -1, PageUp: 12, PageDown: -12 }[event.key];
    if (!step || !this.history) return;
    event.preventDefault();
    this.cursor.move(this.inside((this.cursor.back ?? 0) + step));
  }

  inside(back) {
    return Math.max(0, Math.min(this.column(this.series[0]).length - 1, back));
  }
}

function stacked(columns) {
  const sums = (columns[0] ?? []).map(() => 0);
  return columns.map((column) => column.map((value, place) => (sums[place] += value ?? 0)));
}

// The next round number above, so that the middle of the axis is one, too.
function ceiling(value, whole) {
  if (!(value > 0)) return whole ? 2 : 1;
  if (whole && value <= 2) return 2;
  const unit = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 6, 8, 10].find((factor) => factor * unit >= value * 1.02) ?? 20;
  return step * unit;
}

function linePath(values, x, y) {
  let path = "";
  values.forEach((value, place) => {
    if (value == null) return;
    const here = `${x(place, values.length).toFixed(1)} ${y(value).toFixed(1)}`;
    // A value alone among unknown ones is a dot.
    path += values[place - 1] == null ? `M${here}h.1` : `L${here}`;
  });
  return path;
}

function areaPath(values, bottom, x, y) {
  if (!values.length) return "";
  const half = halfStep(x, values.length);
  const over = values.map((value, place) => stair(x(place, values.length), half, y(value)));
  const under = values.map((_, place) => stair(x(place, values.length), half, y(bottom ? bottom[place] : 0), true));
  return `M${over.join("L")}L${under.reverse().join("L")}Z`;
}

function halfStep(x, length) {
  return (x(1, length) - x(0, length)) / 2;
}

// Counts hold from sample to sample: steps, not slopes.
function stair(x, half, y, backwards = false) {
  const [left, right] = [(x - half).toFixed(1), (x + half).toFixed(1)];
  return backwards ? `${right} ${y.toFixed(1)}L${left} ${y.toFixed(1)}` : `${left} ${y.toFixed(1)}L${right} ${y.toFixed(1)}`;
}
