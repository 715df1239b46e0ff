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
  let form: ReturnType<typeof fitForm> | null = null;
  let fitting: Fitting | null = null;
  const result = h("div", { class: "fit-result" });

  async function fit(wanted: Wanted, axes: Axes): Promise<void> {
    fitting?.cancel();
    const own = new Fitting();
    fitting = own;
    const cancel = () => {
      own.cancel();
      fill(result, h("p", { role: "status", text: "The fit was cancelled." }));
      form?.focus();
    };
    const button = h("button", { type: "button", text: "Cancel", on: { click: cancel } });
    const said = h("div");
    let words = "";
    const tell = (text: string) => {
      if (text !== words) fill(said, loading(text));
      words = text;
    };
    tell("Waiting for its turn");
    fill(result, h("div", { class: "card", data: { testid: "fitting" } }, said, button));
    try {
      const job = await own.run(wanted, (far) => tell(farText(far)));
      if (job !== null) show(job, axes);
    } catch (error) {
      if (!own.isCancelled) fill(result, failed(error));
    }
  }

  function show(job: Job, axes: Axes): void {
    if (job.result === null) {
      complain(`There is no fit: ${job.error?.message ?? "it was cancelled."}`);
      return;
    }
    // Do not move the focus of a user who is already at the next question.
    const isWaiting = form?.isAsking() || result.contains(document.activeElement);
    const panel = resultPanel(job.result, axes);
    fill(result, panel);
    if (isWaiting) panel.querySelector("h2")?.focus();
  }

  function complain(text: string): void {
    fitting?.cancel();
    fill(result, h("div", { class: "problem", role: "alert" }, h("p", { text })));
  }

  async function open(): Promise<void> {
    fill(main, loading("Loading the models"));
    try {
      const { models } = await get<{ models: Model[] }>("/api/chemistry/models");
      if (isOver) return;
      form = fitForm(models, (wanted, axes) => void fit(wanted, axes), complain);
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
    form?.end();
  };
}

function farText({ state, progress }: Job): string {
  if (state === "waiting" || progress === null) return "Waiting for its turn";
  return progress.step === 0 ? "Reading the points" : `Step ${progress.step}`;
}
