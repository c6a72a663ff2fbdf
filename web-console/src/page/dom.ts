// Elements in one line each.

type Child = Node | string | null;
type Attributes = Record<string, string | boolean | ((event: never) => void)>;

/** `el("button", { class: "muted", onclick }, "Sign out")`; `false` leaves an attribute out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for drawings. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled<E extends Element>(element: E, attributes: Attributes, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A labelled line of text that no browser corrects; required unless told otherwise. */
export function textField(label: string, attributes: Attributes) {
  const input = el("input", { required: true, autocapitalize: "none", spellcheck: "false", ...attributes });
  return { input, label: el("label", { class: "field" }, el("span", {}, label), input) };
}

/** Writes only what changed, so that a screen reader and the layout stay quiet. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
