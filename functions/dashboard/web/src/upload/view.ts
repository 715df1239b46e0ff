// Uploads: files are dropped or chosen, sent with their progress, and answered with an account of every row.

import { fill, h } from "../dom";
import { hashOf, route } from "../route";
import { accountOf } from "./account";
import { uploadForm } from "./form";
import type { Job } from "./job";
import { uploadList } from "./list";
import { add, ended, jobs, remove } from "./queue";
import { shapes } from "./shapes";

export function uploadView(main: HTMLElement): () => void {
  /** The upload whose account is open. */
  let shown: Job | null = null;
  const arrived = h("p", { class: "hidden", role: "status" });
  const outcome = h("div", { class: "outcome", tabindex: "-1" });
  const form = uploadForm((wanted) => {
    show(null);
    // Uploads that the user has seen are in the list of files.
    for (const job of jobs.get()) if (job.isSeen && job.outcome && job.outcome.kind !== "failed") remove(job);
    add(wanted);
  }, arrived);
  const list = uploadList(
    (job) => void show(job).then(() => outcome.focus()),
    (text) => fill(arrived, text),
  );

  async function show(job: Job | null): Promise<void> {
    shown = job;
    fill(arrived);
    if (job) job.isSeen = true;
    const account = job && (await accountOf(job));
    if (shown !== job) return;
    fill(outcome, account);
    list.draw(shown);
  }

  /** A user who has moved on is notified, not led away. */
  async function arrive(job: Job): Promise<void> {
    if (shown !== null) return fill(arrived, `The account of ${job.name} is there.`);
    const active = document.activeElement;
    const isThere = active === document.body || form.hasFocus() || list.element.contains(active);
    await show(job);
    if (isThere) outcome.focus();
    else fill(arrived, "The account of the file is there.");
  }

  const all = hashOf({ ...route.get(), view: "files", file: null });
  fill(
    main,
    h("h2", { text: "Upload readings" }),
    h("div", { class: "upload-columns" }, form.element, shapes()),
    list.element,
    outcome,
    h("p", {}, h("a", { href: all, text: "All files so far, and what became of them" })),
  );
  const ends = [
    jobs.listen(() => {
      // A retried upload is back in the list.
      if (shown !== null && (shown.outcome === null || !jobs.get().includes(shown))) void show(null);
      else list.draw(shown);
    }),
    ended.listen((job) => job && void arrive(job)),
    list.end,
  ];
  const unseen = jobs.get().findLast((job) => job.outcome !== null && !job.isSeen);
  void show(unseen ?? null);
  return () => {
    for (const end of ends) end();
  };
}
