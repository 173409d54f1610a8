// Questions before something changes. The browser gives the focus back to where it was.

import { el } from "./dom.js";

function open(title, content, buttons) {
  const trouble = el("p", { class: "trouble-text", role: "alert" });
  const form = el("form", { method: "dialog" }, el("h2", {}, title), ...content, trouble, el("p", { class: "buttons" }, ...buttons));
  const dialog = el("dialog", { "aria-label": title, onclose: () => dialog.remove() }, form);
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, trouble, form };
}

function doing(name, kind, action) {
  return el("button", { type: "button", class: kind, onclick: action }, name);
}

function cancel() {
  return el("button", { value: "cancel", class: "quiet", formnovalidate: true }, "Cancel");
}

async function attempt(asked, action) {
  try {
    await action();
    asked.dialog.close();
  } catch (error) {
    asked.trouble.textContent = error.message;
  }
}

// Does `action` once the operator has said yes; what refuses it is shown where it was asked.
export function confirmed(title, text, name, action) {
  const yes = doing(name, "danger", () => attempt(asked, action));
  const asked = open(title, [el("p", {}, text)], [cancel(), yes]);
}

// Asks for limits: `action({min_replicas, max_replicas})`, where null is as configured.
export function limits(app, scaling, action) {
  const field = (label, id, value, least) => {
    const input = el("input", { type: "number", id, min: least, max: 2000, value, required: true, inputmode: "numeric" });
    return [input, el("label", { for: id }, label, input)];
  };
  const [least, leastLabel] = field("At least", "least", scaling.min, 0);
  const [most, mostLabel] = field("At most", "most", scaling.max, 1);
  const given = () => ({ min_replicas: least.valueAsNumber, max_replicas: most.valueAsNumber });
  const both = { min_replicas: null, max_replicas: null };
  const send = () => asked.form.reportValidity() && attempt(asked, () => action(given()));
  const asked = open(`Scale ${app}`, [
    el("p", {}, "Other limits for the number of replicas, in place of the configured ones and their schedule, until you take them back."),
    el("div", { class: "fields" }, leastLabel, mostLabel),
  ], [cancel(), doing("Back to the configuration", "quiet", () => attempt(asked, () => action(both))), doing("Scale", "main", send)]);
  asked.form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault();
      send();
    }
  });
  least.select();
}
