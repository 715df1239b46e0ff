// What a person decides about a file: that it is withdrawn, that its refused rows are dealt with.

import { address, submit } from "../api";
import { type Child, fill, h, id, name } from "../dom";
import { counted, momentText } from "../format";
import { failed } from "../states";
import type { Decision, LedgerRecord, WithdrawnFile } from "../types";
import { UTC } from "../zone";

/** The longest reason, in bytes. */
const MOST_BYTES = 600;

/** A file as far as decisions go. */
export interface Decided {
  id: string;
  /** What it is called, to tell its buttons from those of other files. */
  source: string;
  rows_refused: number;
  withdrawn: Decision | null;
  resolution: Decision | null;
}

/** `done` is called with the record after a decision. */
export function decisions(file: Decided, done: (record: LedgerRecord) => void): HTMLElement {
  const element = h("div", { class: "decisions" });
  const said = h("p", { class: "said", role: "status" });
  const path = `/api/ingests/${encodeURIComponent(file.id)}`;

  async function withdraw(reason: string): Promise<void> {
    const { ingest, alerts, pending } = await submit<WithdrawnFile>("DELETE", address(path, { reason }), undefined);
    draw(ingest);
    const changed = `${counted(alerts.withdrawn, "alert")} withdrawn, ${counted(alerts.new, "new one")}`;
    fill(
      said,
      pending === undefined ? `The file is withdrawn: ${changed}.` : "The file is withdrawn. Verdicts follow.",
    );
    done(ingest);
  }

  async function resolve(reason: string): Promise<void> {
    const ingest = await submit<LedgerRecord>("POST", `${path}/resolution`, { reason });
    draw(ingest);
    fill(said, "The refused rows are noted as dealt with.");
    done(ingest);
  }

  function draw({ withdrawn, resolution }: Pick<Decided, "withdrawn" | "resolution">): void {
    const isOpen = file.rows_refused > 0 && !resolution && !withdrawn;
    fill(
      element,
      withdrawn && decision("Withdrawn", withdrawn),
      resolution && decision("Refused rows dealt with", resolution),
      isOpen &&
        form(
          "Refused rows are dealt with",
          `Until then no certificate over their time says COMPLIANT.`,
          file.source,
          resolve,
        ),
      !withdrawn &&
        form(
          "Withdraw this file",
          "Its readings no longer count, and what they replaced counts again. The ledger keeps both.",
          file.source,
          withdraw,
        ),
      said,
    );
  }

  draw(file);
  return element;
}

function decision(what: string, { reason, who, at }: Decision): HTMLElement {
  const when = `${momentText(at, UTC)} UTC`;
  return h("p", { class: "note" }, h("strong", { text: `${what}: ` }), name(reason), ` (${when}, `, name(who), ")");
}

/** A reason has to be given before anything is done. */
function form(title: string, text: string, source: string, act: (reason: string) => Promise<void>): HTMLElement {
  const inputId = id("reason");
  const hint = h("p", { class: "quiet", id: id("hint"), text });
  const reason = h("input", {
    id: inputId,
    type: "text",
    required: true,
    autocomplete: "off",
    "aria-describedby": hint.id,
  });
  const button = h("button", { type: "submit", text: title });
  const problem = h("div");
  const element = h(
    "form",
    {},
    h("div", { class: "field" }, h("label", { for: inputId, text: "Reason" }), reason, hint),
    h("div", { class: "actions" }, button),
    problem,
  );
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = reason.value.trim();
    if (given === "" || new TextEncoder().encode(given).length > MOST_BYTES) {
      const wrong = given === "" ? "A reason is needed." : `A reason has at most ${MOST_BYTES} bytes.`;
      fill(problem, h("p", { class: "problem", role: "alert", text: wrong }));
      return;
    }
    button.disabled = true;
    fill(problem);
    try {
      await act(given);
    } catch (error) {
      fill(problem, failed(error));
    } finally {
      button.disabled = false;
    }
  });
  const children: Child[] = [
    h("summary", { "aria-label": source ? `${title}: ${source}` : title, text: title }),
    element,
  ];
  return h("details", { class: "decision" }, ...children);
}
