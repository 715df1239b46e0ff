// A dialog for entries in the ledger: it says what will happen, and asks for a reason.

import { type Child, fill, h, id } from "./dom";
import { failed } from "./states";

/** The longest reason, in bytes. */
const MOST_BYTES = 600;

export interface Question {
  title: string;
  /** What will happen, in sentences. */
  text: Child[];
  /** The label of the button. */
  action: string;
  /** Performs it. If that fails, the dialog stays open and shows the error. */
  act: (reason: string) => Promise<void>;
}

/** Resolves when it is closed, with whether the action was performed. */
export function askReason({ title, text, action, act }: Question): Promise<boolean> {
  const ids = { title: id("title"), text: id("text"), reason: id("reason") };
  const reason = h("textarea", { id: ids.reason, rows: 3, required: true, autocomplete: "off" });
  const submit = h("button", { type: "submit", class: "primary", text: action });
  const cancel = h("button", { type: "button", text: "Cancel", on: { click: () => dialog.close() } });
  const problem = h("div");
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: ids.title }, h("bdi", { text: title })),
    h("div", { id: ids.text, class: "will-happen" }, ...text.map((sentence) => h("p", {}, sentence))),
    h("div", { class: "field" }, h("label", { for: ids.reason, text: "Reason" }), reason),
    problem,
    h("div", { class: "actions" }, submit, cancel),
  );
  const dialog = h("dialog", { class: "reason", "aria-labelledby": ids.title, "aria-describedby": ids.text }, form);
  let isDone = false;

  async function run(): Promise<void> {
    const given = reason.value.replaceAll(/\s+/g, " ").trim();
    const wrong = complaint(given);
    fill(problem, wrong && h("p", { class: "problem", role: "alert", text: wrong }));
    if (wrong) return reason.focus();
    // An action in progress is completed, even if the dialog is gone.
    submit.disabled = cancel.disabled = true;
    try {
      await act(given);
      isDone = true;
      dialog.close();
    } catch (error) {
      fill(problem, failed(error));
    } finally {
      submit.disabled = cancel.disabled = false;
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void run();
  });
  dialog.addEventListener("cancel", (event) => submit.disabled && event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
  reason.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(isDone);
    });
  });
}

function complaint(reason: string): string | null {
  if (reason === "") return "A reason is needed.";
  const isLong = new TextEncoder().encode(reason).length > MOST_BYTES;
  return isLong ? `A reason has at most ${MOST_BYTES} bytes.` : null;
}
