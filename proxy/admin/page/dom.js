// Elements, made and changed only where something is different: focus, selection and scrolling stay where they are.

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function mark(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// Keeps one child per item, in order: `make(item)` gives {element, update(item)}.
export class Keyed {
  constructor(parent, key, make) {
    this.parent = parent;
    this.key = key;
    this.make = make;
    this.parts = new Map();
  }

  update(items) {
    const there = new Set(items.map(this.key));
    for (const [key, part] of this.parts) {
      if (!there.has(key)) {
        part.element.remove();
        this.parts.delete(key);
      }
    }
    items.forEach((item, place) => {
      const key = this.key(item);
      if (!this.parts.has(key)) this.parts.set(key, this.make(item));
      const part = this.parts.get(key);
      if (this.parent.children[place] !== part.element) this.parent.insertBefore(part.element, this.parent.children[place] ?? null);
      part.update(item);
    });
  }
}
