// Decisions about a file: to withdraw it, or to mark its refused rows as dealt with.

import { address, submit } from "../api";
import { type Child, fill, h, name } from "../dom";
import { counted, momentText } from "../format";
import { askReason } from "../reason";
import type { Decision, LedgerRecord, WithdrawnFile } from "../types";
import { UTC } from "../zone";

/** The fields of a file that decisions need. */
export type Decided = Pick<LedgerRecord, "id" | "source" | "answer" | "withdrawn" | "resolution">;

const pathOf = ({ id }: Decided) => `/api/ingests/${encodeURIComponent(id)}`;

/** Whether it has refused rows that nobody has dealt with. */
export function hasOpenRows({ answer, withdrawn, resolution }: Decided): boolean {
  return (answer?.rows_refused ?? 0) > 0 && !withdrawn && !resolution;
}

/** `done` is called with the record after a decision. */
export function decisions(file: Decided, done: (record: LedgerRecord) => void): HTMLElement {
  const element = h("div", { class: "decisions", tabindex: "-1" });
  const said = h("p", { class: "said", role: "status" });
  let now = file;

  async function decide(ask: (file: Decided, said: Element) => Promise<LedgerRecord | null>): Promise<void> {
    const record = await ask(now, said);
    if (!record) return;
    now = { ...record, source: file.source };
    draw();
    // The pressed button is gone.
    element.focus();
    done(record);
  }

  function draw(): void {
    const button = (text: string, ask: typeof withdraw) =>
      h("button", {
        type: "button",
        "aria-label": `${text}: ${file.source}`,
        text,
        on: { click: () => void decide(ask) },
      });
    fill(
      element,
      ...decided(now),
      h(
        "div",
        { class: "actions" },
        hasOpenRows(now) && button("Refused rows are dealt with", resolve),
        !now.withdrawn && button("Withdraw this file", withdraw),
      ),
      said,
    );
  }

  draw();
  return element;
}

/** The decision about a file: what, by whom, when and why. */
export function decided({ withdrawn, resolution }: Decided): HTMLElement[] {
  return [
    ...(withdrawn ? [decision("Withdrawn", withdrawn)] : []),
    ...(resolution ? [decision("Refused rows dealt with", resolution)] : []),
  ];
}

function decision(what: string, { reason, who, at }: Decision): HTMLElement {
  const when = `${momentText(at, UTC)} UTC`;
  return h("p", { class: "note" }, h("strong", { text: `${what}: ` }), name(reason), ` (${when}, `, name(who), ")");
}

/** Asks for a reason and withdraws a file. Null if the user cancelled. */
async function withdraw(file: Decided, said: Element): Promise<LedgerRecord | null> {
  let record: LedgerRecord | null = null;
  await askReason({
    title: `Withdraw ${file.source}?`,
    text: withdrawText(file),
    action: "Withdraw",
    act: async (reason) => {
      const path = address(pathOf(file), { reason });
      const { ingest, alerts, pending } = await submit<WithdrawnFile>("DELETE", path, undefined);
      record = ingest;
      const changed = `${counted(alerts.withdrawn, "alert")} withdrawn, ${counted(alerts.new, "new one")}`;
      fill(
        said,
        pending === undefined ? `The file is withdrawn: ${changed}.` : "The file is withdrawn. Verdicts follow.",
      );
    },
  });
  return record;
}

function withdrawText({ answer }: Decided): Child[] {
  const replaced = answer?.readings_replaced ?? 0;
  const readings = answer
    ? `Its ${counted(answer.readings, "reading")} no longer count`
    : "Its readings no longer count";
  const back = replaced > 0 ? `, and the ${counted(replaced, "reading")} that they replaced count again` : "";
  const sites = (answer?.sites ?? []).flatMap((site, index) => [index > 0 ? ", " : "", name(site)]);
  const where =
    sites.length > 0 ? h("span", {}, "Verdicts are worked out anew at ", ...sites, ": alerts may go or come.") : null;
  return [
    `${readings}${back}.`,
    where ?? "Verdicts are worked out anew: alerts may go or come.",
    "This cannot be taken back. The same file can be sent again, and is then a new one.",
    "The ledger keeps the file's account, with your reason and your address.",
  ];
}

/** Asks for a reason and records that the refused rows are dealt with. Null if the user cancelled. */
async function resolve(file: Decided, said: Element): Promise<LedgerRecord | null> {
  let record: LedgerRecord | null = null;
  await askReason({
    title: `Are the refused rows of ${file.source} dealt with?`,
    text: [
      `${counted(file.answer?.rows_refused ?? 0, "row")} of it could not be read. Until somebody has dealt with them, no certificate over their time says COMPLIANT.`,
      "From then on certificates name them no longer. The ledger keeps them, with your reason and your address.",
    ],
    action: "They are dealt with",
    act: async (reason) => {
      record = await submit<LedgerRecord>("POST", `${pathOf(file)}/resolution`, { reason });
      fill(said, "The refused rows are noted as dealt with.");
    },
  });
  return record;
}
