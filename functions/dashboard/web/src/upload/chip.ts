// The uploads, as every view shows them: that some are in progress, and that some are done.

import { fill, h } from "../dom";
import { hashOf, route } from "../route";
import type { Job } from "./job";
import { ended, jobs } from "./queue";
import { LEGS, legs, type Stage, stageText } from "./stage";

export function uploadChip(): HTMLElement {
  const text = h("span", { class: "number" });
  const chip = h(
    "a",
    { class: "chip", hidden: true, data: { testid: "uploads" } },
    h("span", { class: "dot", "aria-hidden": "true" }),
    text,
  );
  const said = h("span", { class: "hidden", role: "status" });
  const followed = new Map<Job, () => void>();
  /** Whether an upload ended since the user last looked at them. */
  let isNews = false;
  const draw = () => {
    const isHere = route.get().view === "upload";
    if (isHere) isNews = false;
    const now = chipText(jobs.get(), isNews);
    chip.hidden = now === null || isHere;
    chip.href = hashOf({ ...route.get(), view: "upload" });
    if (now !== null && text.textContent !== now) text.textContent = now;
  };
  jobs.watch((list) => {
    for (const [job, end] of followed) {
      if (list.includes(job)) continue;
      end();
      followed.delete(job);
    }
    for (const job of list) if (!followed.has(job)) followed.set(job, job.stage.listen(draw));
    draw();
  });
  route.listen(draw);
  ended.listen((job) => {
    const isHere = route.get().view === "upload";
    isNews = !isHere;
    draw();
    fill(said, job && !isHere && `Upload of ${job.name}: ${stageText(job.stage.get())}`);
  });
  return h("div", { class: "upload-chip" }, chip, said);
}

function chipText(list: Job[], isNews: boolean): string | null {
  const active = list.filter((job) => job.outcome === null && job.stage.get().stage !== "wanted");
  const first = active.find((job) => job.stage.get().stage !== "queued") ?? active[0];
  if (first)
    return active.length > 1 ? `${active.length} uploads: ${legText(first.stage.get())}` : legText(first.stage.get());
  if (isNews) return "Upload is over";
  return list.some((job) => job.stage.get().stage === "wanted") ? "Upload interrupted" : null;
}

/** The current leg of a file, in percent if known. */
function legText(stage: Stage): string {
  const shares = legs(stage);
  const at = shares.findIndex((share) => share === null || share < 1);
  const share = shares[at] ?? null;
  const name = LEGS[at] ?? "Uploading";
  return share === null ? name : `${name} ${Math.floor(share * 100)} %`;
}
