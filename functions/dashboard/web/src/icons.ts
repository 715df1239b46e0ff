// A shape for each condition, so that colour is never the only sign.

import { s } from "./dom";
import type { Condition } from "./types";

/** A condition, or an operation in progress. */
export type Sign = Condition | "underway";

/** The paths in a 16 by 16 square: an outline, and the sign within. */
const SHAPES: Record<Sign, { outline: string; sign: string; filled: boolean }> = {
  // An octagon, as on a stop sign.
  critical: { outline: "M5 1h6l4 4v6l-4 4H5l-4-4V5z", sign: "M5.5 5.5l5 5m0-5l-5 5", filled: true },
  warning: { outline: "M8 1.2l7.2 13.3H.8z", sign: "M8 6v4m0 2v.4", filled: true },
  watch: { outline: "M8 1.2l7.2 13.3H.8z", sign: "M8 6v4m0 2v.4", filled: false },
  info: { outline: "M8 .8L15.2 8 8 15.2.8 8z", sign: "M8 7v4m0-6.4v.4", filled: false },
  open: {
    outline: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z",
    sign: "M6 6.2a2 2 0 1 1 2.7 1.9q-.7.3-.7 1.2m0 2.2v.4",
    filled: false,
  },
  ok: { outline: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z", sign: "M4.8 8.2l2.2 2.3 4.3-4.8", filled: false },
  // A clock.
  underway: { outline: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z", sign: "M8 4.2V8l2.6 1.8", filled: false },
  none: { outline: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1z", sign: "M5 8h6", filled: false },
};

export function icon(of: Sign): SVGElement {
  const { outline, sign, filled } = SHAPES[of];
  return s(
    "svg",
    {
      class: `icon ${filled ? "filled" : "outlined"}`,
      viewBox: "0 0 16 16",
      "aria-hidden": "true",
      focusable: "false",
    },
    s("path", { class: "outline", d: outline }),
    s("path", { class: "sign", d: sign }),
  );
}
