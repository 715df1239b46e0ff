// Moves the visible stretch: drag and pinch, wheel, keys.

import type { Span } from "./data";

/** How far a key or a button pans or zooms. */
export const STEP = 0.25;
export const ZOOM = 1.6;

/** A stretch zoomed around a point within it (0 to 1). */
export function zoomed(span: Span, factor: number, about = 0.5): Span {
  const width = (span.to - span.from) / factor;
  const at = span.from + (span.to - span.from) * about;
  return { from: at - width * about, to: at + width * (1 - about) };
}

export function moved(span: Span, part: number): Span {
  const by = (span.to - span.from) * part;
  return { from: span.from + by, to: span.to + by };
}

/** Within the record, and never narrower than the clock's resolution. */
export function within(span: Span, { from: first, to: last }: Span): Span {
  const width = Math.min(Math.max(span.to - span.from, 1e-3), last - first);
  const from = Math.min(Math.max(span.from, first), last - width);
  return { from, to: from + width };
}

/** Listens on the chart. `area` is where readings are drawn, `apply` moves the stretch. */
export function gestures(
  host: HTMLElement,
  area: () => DOMRect | undefined,
  span: () => Span,
  apply: (next: Span) => void,
  all: () => void,
): void {
  const pointers = new Map<number, PointerEvent>();
  let begun: { span: Span; x: number; spread: number } | null = null;

  const middle = () => [...pointers.values()].reduce((sum, pointer) => sum + pointer.clientX, 0) / pointers.size;
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return a && b ? Math.abs(a.clientX - b.clientX) : 0;
  };
  const begin = () => {
    begun = pointers.size > 0 ? { span: span(), x: middle(), spread: spread() } : null;
  };

  host.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    host.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    host.classList.add("dragging");
    begin();
  });
  host.addEventListener("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    pointers.set(event.pointerId, event);
    const rect = area();
    if (!begun || !rect) return;
    const part = (begun.x - middle()) / rect.width;
    const factor = begun.spread > 10 && spread() > 10 ? spread() / begun.spread : 1;
    apply(zoomed(moved(begun.span, part), factor, (middle() - rect.left) / rect.width));
  });
  for (const type of ["pointerup", "pointercancel"] as const) {
    host.addEventListener(type, (event) => {
      pointers.delete(event.pointerId);
      if (pointers.size === 0) host.classList.remove("dragging");
      begin();
    });
  }
  host.addEventListener(
    "wheel",
    (event) => {
      const rect = area();
      if (!rect || event.ctrlKey) return;
      event.preventDefault();
      if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) apply(moved(span(), event.deltaX / rect.width));
      else apply(zoomed(span(), ZOOM ** (-event.deltaY / 240), (event.clientX - rect.left) / rect.width));
    },
    { passive: false },
  );
  host.addEventListener("dblclick", all);
  host.addEventListener("keydown", (event) => {
    const action = {
      ArrowLeft: () => apply(moved(span(), -STEP)),
      ArrowRight: () => apply(moved(span(), STEP)),
      "+": () => apply(zoomed(span(), ZOOM)),
      "=": () => apply(zoomed(span(), ZOOM)),
      "-": () => apply(zoomed(span(), 1 / ZOOM)),
      Home: all,
    }[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
}
