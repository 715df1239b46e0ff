// One bar from the first byte to the verdicts. A pattern shows unknown progress.

import { h } from "../dom";
import { LEGS, legs, type Stage, stageText } from "./stage";

export interface Bar {
  element: HTMLElement;
  draw: (stage: Stage) => void;
}

export function bar(name: string): Bar {
  const fills = LEGS.map(() => h("span", { class: "leg-fill" }));
  const element = h(
    "div",
    { class: "legs", role: "progressbar", "aria-label": `Upload progress of ${name}`, "aria-valuemax": 100 },
    ...LEGS.map((leg, index) =>
      h(
        "span",
        { class: "leg", "aria-hidden": "true" },
        h("span", { class: "leg-track" }, fills[index]),
        h("span", { class: "leg-name", text: leg }),
      ),
    ),
  );
  const draw = (stage: Stage) => {
    const shares = legs(stage);
    shares.forEach((share, index) => {
      fills[index]?.style.setProperty("--part", String(share ?? 1));
      fills[index]?.classList.toggle("unknown", share === null);
    });
    const known = shares.reduce<number>((sum, share) => sum + (share ?? 0), 0);
    if (shares.includes(null)) element.removeAttribute("aria-valuenow");
    else element.setAttribute("aria-valuenow", String(Math.round((known / LEGS.length) * 100)));
    element.setAttribute("aria-valuetext", stageText(stage));
  };
  return { element, draw };
}
