// Builds elements. Text always becomes text nodes, never markup: there is no innerHTML here.

export type Child = Node | string | number | null | undefined | false;
type Listener<E extends Event> = (event: E) => void;

interface Props {
  class?: string;
  text?: string | number;
  data?: Record<string, string | number>;
  on?: { [K in keyof HTMLElementEventMap]?: Listener<HTMLElementEventMap[K]> };
  [attribute: string]: unknown;
}

/** An element with attributes, listeners and children. `true` sets an attribute, `false` leaves it out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  name: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  const { text, data, on, ...attributes } = props;
  setAttributes(element, attributes);
  for (const [key, value] of Object.entries(data ?? {})) element.dataset[key] = String(value);
  for (const [type, listener] of Object.entries(on ?? {})) {
    element.addEventListener(type, listener as EventListener);
  }
  if (text !== undefined) element.textContent = String(text);
  element.append(...nodes(children));
  return element;
}

/** The same for SVG. */
export function s(name: string, attributes: Record<string, unknown> = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  setAttributes(element, attributes);
  element.append(...nodes(children));
  return element;
}

function setAttributes(element: Element, attributes: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

function nodes(children: Child[]): (Node | string)[] {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/** Replaces the children of an element. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...nodes(children));
}

/** A name from outside, isolated so that its writing direction does not affect the text around it. */
export function name(text: string, className = ""): HTMLElement {
  return h("bdi", { class: className || undefined, title: text.length > 60 ? text : undefined, text });
}

/** A text for screen readers only. */
export function hidden(text: string): HTMLElement {
  return h("span", { class: "hidden", text });
}

let ids = 0;
/** An id that no other element has. */
export function id(prefix: string): string {
  ids += 1;
  return `${prefix}-${ids}`;
}

/** Offers a file to the browser as a download. */
export function download(fileName: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: fileName });
  document.body.append(link);
  link.click();
  link.remove();
  // Some browsers need the URL for a moment longer.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
