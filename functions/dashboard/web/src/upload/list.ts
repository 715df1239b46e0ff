// The uploads of this page that are in progress, or whose account the user has not seen yet.

import { fill, h, id } from "../dom";
import type { Job } from "./job";
import { jobs } from "./queue";
import { type Row, row } from "./row";

export interface UploadList {
  element: HTMLElement;
  /** Draws all of them, except the one whose account is open. */
  draw: (shown: Job | null) => void;
  end: () => void;
}

export function uploadList(show: (job: Job) => void, say: (text: string) => void): UploadList {
  const heading = h("h3", { id: id("uploads"), tabindex: "-1", text: "Uploads" });
  const list = h("ol", { class: "uploads", "aria-labelledby": heading.id });
  const element = h("section", { class: "card", "aria-labelledby": heading.id, hidden: true }, heading, list);
  const rows = new Map<Job, Row>();

  function draw(shown: Job | null): void {
    const listed = jobs.get().filter((job) => job !== shown || job.outcome === null);
    for (const [job, { end }] of rows) {
      if (listed.includes(job)) continue;
      end();
      rows.delete(job);
    }
    for (const job of listed) if (!rows.has(job)) rows.set(job, row(job, show, say));
    const elements = listed.map((job) => (rows.get(job) as Row).element);
    const isSame = elements.length === list.children.length && elements.every((one, at) => one === list.children[at]);
    element.hidden = listed.length === 0;
    if (isSame) return;
    // Moving elements loses the focus within them; if the focused element is gone, the list gets the focus.
    const focused = list.contains(document.activeElement) ? (document.activeElement as HTMLElement) : null;
    fill(list, ...elements);
    if (focused) (list.contains(focused) ? focused : heading).focus();
  }

  return {
    element,
    draw,
    end: () => {
      for (const { end } of rows.values()) end();
    },
  };
}
