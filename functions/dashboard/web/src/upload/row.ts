// An upload in progress, as a row of the list: its progress, and the actions on it.

import { fill, h, id, name } from "../dom";
import { sizeText } from "../format";
import { icon } from "../icons";
import type { Condition } from "../types";
import { bar } from "./bar";
import type { Job } from "./job";
import { again, cancel, canGiveUp, remove, resume } from "./queue";
import { measureText, type Outcome, type Stage, stageText } from "./stage";

/** How often a countdown is updated. */
const TICK = 1000;

export interface Row {
  element: HTMLElement;
  /** Removes its listeners. */
  end: () => void;
}

/** `show` is called with a file whose account the user opens, `say` with what to announce once the row is gone. */
export function row(job: Job, show: (job: Job) => void, say: (text: string) => void): Row {
  const heading = h(
    "h4",
    { id: id("upload") },
    name(job.name),
    h("span", { class: "quiet" }, ` ${sizeText(job.size)} · `, name(job.site)),
  );
  const sign = h("span");
  const text = h("span", { role: "status" });
  // The progress changes all the time: it is shown, but not announced.
  const measure = h("span", { class: "number quiet", data: { testid: "measure" } });
  const progress = bar(job.name);
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const actions = h("div", { class: "actions" });
  const element = h(
    "li",
    { class: "upload-row", "aria-labelledby": heading.id, data: { testid: "upload" } },
    heading,
    h("p", { class: "upload-state" }, sign, h("span", {}, text, measure)),
    progress.element,
    problem,
    actions,
  );

  const complain = (what: string) => {
    problem.textContent = what;
    problem.hidden = what === "";
  };

  async function giveUp(): Promise<void> {
    try {
      say(`${job.name}: ${await cancel(job)}`);
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error));
    }
  }

  function take(file: File): void {
    if (job.matches(file)) {
      complain("");
      resume(job, file);
    } else {
      complain(
        job.isLike(file) ? CHANGED : `This is another file: one called ${job.name} of ${sizeText(job.size)} is wanted.`,
      );
    }
  }

  const does = actionsOf(job, { giveUp: () => void giveUp(), take, show: () => show(job) });
  let drawn = "";
  const draw = (stage: Stage) => {
    element.dataset.stage = stage.stage;
    measure.textContent = measureText(stage);
    progress.draw(stage);
    const now = stageText(stage);
    // Buttons stay in place while only numbers change: one of them may have the focus.
    if (`${stage.stage}${now}` === drawn) return;
    drawn = `${stage.stage}${now}`;
    text.textContent = now;
    complain("");
    progress.element.hidden = stage.stage === "over" || stage.stage === "queued";
    fill(sign, stage.stage === "over" && outcomeSign(stage.outcome));
    fill(actions, ...does(stage));
  };
  const timer = setInterval(() => {
    const stage = job.stage.get();
    if (stage.stage === "broken") measure.textContent = measureText(stage);
  }, TICK);
  const unwatch = job.stage.watch(draw);
  return {
    element,
    end: () => {
      unwatch();
      clearInterval(timer);
    },
  };
}

const CHANGED =
  "This file was changed since its upload began. What was sent before cannot be used: give it up, and upload the file anew.";

const SIGNS: Record<Outcome["kind"], Condition> = {
  account: "ok",
  refused: "critical",
  failed: "warning",
  interrupted: "warning",
};

function outcomeSign({ kind }: Outcome): HTMLElement {
  return h("span", { class: "condition", data: { state: SIGNS[kind] } }, icon(SIGNS[kind]));
}

interface Acts {
  giveUp: () => void;
  take: (file: File) => void;
  show: () => void;
}

/** The actions at a stage. */
function actionsOf(job: Job, acts: Acts): (stage: Stage) => HTMLElement[] {
  const button = (text: string, act: () => void) =>
    h("button", { type: "button", "aria-label": `${text}: ${job.name}`, text, on: { click: act } });
  return (stage) => {
    const isOver = stage.stage === "over";
    const isUnfinished = isOver && stage.outcome.kind === "failed";
    const canTry = isUnfinished && (job.file !== null || job.kept !== null);
    const list = [
      stage.stage === "wanted" && chooser(job, acts.take),
      stage.stage === "broken" && button("Try now", () => void job.wake.dispatchEvent(new Event("wake"))),
      isOver && !isUnfinished && button("Show account", acts.show),
      canTry && button("Try again", () => again(job)),
      canGiveUp(job) && button(isOver || stage.stage === "wanted" ? "Give it up" : "Cancel", acts.giveUp),
      isOver && !canGiveUp(job) && button("Put away", () => remove(job)),
    ];
    return list.filter((one) => one !== false);
  };
}

/** A button that opens a file dialog. */
function chooser(job: Job, take: (file: File) => void): HTMLElement {
  const inputId = id("same-file");
  const input = h("input", { id: inputId, type: "file", class: "hidden" });
  input.addEventListener("change", () => {
    const [file] = input.files ?? [];
    // Choosing the same file again must fire the event as well.
    if (file) take(file);
    input.value = "";
  });
  return h(
    "span",
    {},
    input,
    h(
      "label",
      { class: "button", for: inputId },
      "Choose the file",
      h("span", { class: "hidden", text: `: ${job.name}` }),
    ),
  );
}
