import "./chemistry.css";
import { get } from "../api";
import { fill, h } from "../dom";
import { failed, loading } from "../states";
import { fitForm } from "./form";
import { Fitting } from "./job";
import { resultPanel } from "./result";
import type { Axes, Job, Model, Wanted } from "./types";

/** Fits of decay and sorption. */
export function chemistryView(main: HTMLElement): () => void {
  let isOver = false;
  let endForm = () => {};
  let fitting: Fitting | null = null;
  const result = h("div", { class: "fit-result", "aria-live": "polite" });

  async function fit(wanted: Wanted, axes: Axes): Promise<void> {
    fitting?.cancel();
    const own = new Fitting();
    fitting = own;
    const cancel = () => {
      own.cancel();
      fill(result, h("p", { role: "status", text: "The fit was cancelled." }));
    };
    const button = h("button", { type: "button", text: "Cancel", on: { click: cancel } });
    const said = h("div", {}, loading("Waiting for its turn"));
    fill(result, h("div", { class: "card", data: { testid: "fitting" } }, said, button));
    try {
      const job = await own.run(wanted, (far) => fill(said, loading(farText(far))));
      if (job !== null && !isOver) show(job, axes);
    } catch (error) {
      if (fitting === own && !isOver) fill(result, failed(error));
    }
  }

  function show(job: Job, axes: Axes): void {
    if (job.result === null) {
      const text = job.error?.message ?? "It was cancelled.";
      fill(result, h("div", { class: "problem", role: "alert" }, h("p", { text: `There is no fit: ${text}` })));
      return;
    }
    const panel = resultPanel(job.result, axes);
    fill(result, panel);
    panel.querySelector("h2")?.focus();
  }

  async function open(): Promise<void> {
    fill(main, loading("Loading the models"));
    try {
      const { models } = await get<{ models: Model[] }>("/api/chemistry/models");
      if (isOver) return;
      const complain = (text: string) => fill(result, h("div", { class: "problem", role: "alert" }, h("p", { text })));
      const form = fitForm(models, (wanted, axes) => void fit(wanted, axes), complain);
      endForm = form.end;
      fill(main, h("div", { class: "fit-columns" }, form.element, result));
    } catch (error) {
      if (!isOver)
        fill(
          main,
          failed(error, () => void open()),
        );
    }
  }

  void open();
  return () => {
    isOver = true;
    fitting?.cancel();
    endForm();
  };
}

function farText({ state, progress }: Job): string {
  if (state === "waiting" || progress === null) return "Waiting for its turn";
  return progress.step === 0 ? "Reading the points" : `Step ${progress.step}`;
}
