// The accepted formats, by example.

import { h } from "../dom";

export function shapes(): HTMLElement {
  const shape = (title: string, text: string, example: string) => [
    h("dt", { text: title }),
    h("dd", {}, h("p", { class: "quiet", text }), h("pre", { tabindex: "0" }, h("code", { text: example }))),
  ];
  return h(
    "section",
    { class: "card shapes", "aria-label": "Files that are taken" },
    h("h3", { text: "Files that are taken" }),
    h(
      "dl",
      {},
      ...shape(
        "Tidy: a reading a row",
        "Hours, dates or times; a time without an offset is the site's. Unit, site, outfall, qualifier, flags, sample_id and sample_type may be left out.",
        "time,species,concentration,unit,qualifier,sample_type\n2026-03-01T06:00Z,SO4,212.5,mg/L,J,Routine\n2026-03-01T06:00Z,As,2,ug/L,<,Routine",
      ),
      ...shape(
        "Wide: a column for each parameter",
        "The unit is in the column's name; an empty cell is no reading.",
        "date,SO4_mgL,As_ugL\n2026-03-01,212.5,\n2026-03-02,198.0,3.1",
      ),
      ...shape(
        "Effluent chart",
        "As EPA's ECHO exports it, with the limits that it brings.",
        "activity_id,npdes_id,perm_feature_nmbr,…",
      ),
    ),
  );
}
