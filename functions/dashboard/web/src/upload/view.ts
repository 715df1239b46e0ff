// A file in: dropped or chosen, sent with its progress, and answered with an account of every row.

import { ApiError, get } from "../api";
import { fill, h, id } from "../dom";
import { count, counted } from "../format";
import { refresh, reloadSites, site } from "../model";
import { failed } from "../states";
import { loadStatistics } from "../statistics";
import type { IngestAnswer, IngestRecord, Overview } from "../types";
import { UTC } from "../zone";
import { decisions } from "./decisions";
import { ledger } from "./ledger";
import { interrupted, refused, result } from "./result";
import { type Stage, send } from "./send";
import { verdicts } from "./verdicts";

const MEGABYTE = 1024 * 1024;

export function uploadView(main: HTMLElement): () => void {
  let abort = new AbortController();
  let chosen: File | null = null;
  let isSending = false;
  const ids = { file: id("file"), site: id("site"), strict: id("strict"), hint: id("hint") };
  const file = h("input", {
    id: ids.file,
    type: "file",
    accept: ".csv,.tsv,.txt,.gz,text/csv,text/tab-separated-values,application/gzip",
    "aria-describedby": ids.hint,
  });
  const siteName = h("input", {
    id: ids.site,
    type: "text",
    value: site(),
    required: true,
    autocomplete: "off",
  });
  const strict = h("input", { id: ids.strict, type: "checkbox" });
  const picked = h("p", { class: "picked", "aria-live": "polite" });
  const submit = h("button", { type: "submit", class: "primary", text: "Upload", disabled: true });
  const zone = h(
    "div",
    { class: "dropzone", data: { testid: "dropzone" } },
    h("label", { for: ids.file, text: "CSV file" }),
    file,
    h("p", {
      id: ids.hint,
      class: "quiet",
      text: "Choose a file or drop it here: tidy, wide, or an EPA ECHO effluent chart; comma, semicolon or tab; plain or gzip.",
    }),
    picked,
  );
  const bar = h("progress", { max: 1, "aria-label": "Upload progress" });
  const stageText = h("span", { role: "status" });
  // How much is left changes all the time: it is there for who looks, and not read out.
  const left = h("span", { class: "number quiet", data: { testid: "series-left" } });
  const progress = h("div", { class: "card", hidden: true }, h("p", {}, stageText, left), bar);
  const arrived = h("p", { class: "hidden", role: "status" });
  const outcome = h("div", { class: "outcome", tabindex: "-1" });
  const form = h(
    "form",
    { class: "card upload" },
    zone,
    h(
      "div",
      { class: "field" },
      h("label", { for: ids.site, text: "Site of the readings" }),
      siteName,
      h("p", {
        class: "quiet",
        text: "For rows that name no site, and in place of the permit number of an effluent chart.",
      }),
    ),
    h("label", { class: "check", for: ids.strict }, strict, "Refuse the whole file if one row is bad"),
    h("div", { class: "actions" }, submit),
    arrived,
  );

  const choose = (next: File | null) => {
    chosen = next;
    ready();
    fill(picked, next && h("bdi", { text: next.name }), next && ` (${size(next.size)})`);
  };
  file.addEventListener("change", () => choose(file.files?.[0] ?? null));
  dropInto(zone, choose);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (chosen) void run(chosen);
  });

  function ready(): void {
    submit.disabled = chosen === null || isSending;
  }

  const files = ledger(() => void refresh(true));

  /** The account of a file, with what can be done about it. */
  function account(upload: File, answer: IngestAnswer, zone: string): HTMLElement {
    const decided = { ...answer, source: upload.name, withdrawn: null, resolution: null };
    const changed = () => void Promise.all([files.reload(), refresh(true)]);
    const again = h("button", {
      type: "button",
      text: "Take it in again",
      on: { click: () => void run(upload, true) },
    });
    const isKnown = answer.status === "known";
    return result(upload, {
      answer,
      zone,
      decisions: isKnown ? h("div", { class: "actions" }, again) : decisions(decided, changed),
    });
  }

  async function run(upload: File, again = false): Promise<void> {
    // The verdicts on the file before are waited for no longer.
    abort.abort();
    abort = new AbortController();
    const { signal } = abort;
    isSending = true;
    ready();
    progress.hidden = false;
    for (const part of [outcome, left, arrived]) fill(part);
    show({ stage: "sending", sent: 0, of: upload.size });
    let isTaken = false;
    let takesLong = false;
    try {
      const wanted = { file: upload, site: siteName.value.trim(), strict: strict.checked, again };
      const sent = await send(wanted, show, signal);
      isTaken = true;
      takesLong = "state" in sent;
      // While verdicts are waited for, the next file can be sent.
      isSending = false;
      ready();
      const answer = "state" in sent ? await verdicts(sent, wait, signal) : sent;
      const [zone] = await Promise.all([zoneOf(answer), loadStatistics()]);
      if (signal.aborted) return;
      fill(outcome, answer ? account(upload, answer, zone) : interrupted(upload));
      await Promise.all([reloadSites(), refresh(true), files.reload()]);
    } catch (error) {
      if (signal.aborted) return;
      fill(outcome, error instanceof ApiError && !isTaken ? refused(upload, error) : failed(error));
    } finally {
      if (!signal.aborted) {
        isSending = false;
        ready();
        progress.hidden = true;
        // Who has gone on to something else while this took long is told, and not led away.
        const isElsewhere = takesLong && document.activeElement !== document.body;
        if (isElsewhere) fill(arrived, "The account of the file is there.");
        else outcome.focus();
      }
    }
  }

  function wait({ state, series_left }: IngestRecord): void {
    const isStored = state === "judging";
    const text = isStored ? "The file is stored. Verdicts are being worked out" : "Sent. The readings are being stored";
    fill(left, isStored && series_left > 0 && ` · ${counted(series_left, "series", "series")} left`);
    // What is put there again is read out again.
    if (stageText.textContent === text) return;
    stageText.textContent = text;
    // From now on its sites can be looked at. If they do not come now, they come with the account.
    if (isStored) void reloadSites().catch(() => undefined);
  }

  function show(stage: Stage): void {
    // The judging of a file ends in its own time: a bar without a value says so.
    if (stage.stage === "sending") bar.value = stage.of > 0 ? stage.sent / stage.of : 0;
    else bar.removeAttribute("value");
    stageText.textContent = {
      packing: "Compressing",
      sending: stage.stage === "sending" ? `Sending: ${size(stage.sent)} of ${size(stage.of)}` : "",
      judging: "Sent. Every row is being judged",
    }[stage.stage];
  }

  fill(
    main,
    h("h2", { text: "Upload readings" }),
    h("div", { class: "upload-columns" }, form, shapes()),
    progress,
    outcome,
    files.element,
  );
  void files.reload();
  return () => abort.abort();
}

/** What can be sent, by example. */
function shapes(): HTMLElement {
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

/** The zone of the site that a file is of; of several, that of all. */
async function zoneOf(answer: IngestAnswer | null): Promise<string> {
  const [only, ...others] = answer?.sites ?? [];
  if (!answer || only === undefined || others.length > 0) return UTC;
  if (answer.alerts.items.length === 0 && answer.replacements.length === 0) return UTC;
  try {
    return (await get<Overview>("/api/overview", { site: only, limit: 1 })).time_zone;
  } catch {
    return UTC;
  }
}

function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  return bytes < MEGABYTE ? `${count(bytes / 1024)} KB` : `${(bytes / MEGABYTE).toFixed(1)} MB`;
}

function dropInto(zone: HTMLElement, choose: (file: File | null) => void): void {
  // Entering a child leaves its parent: what is counted is how deep the pointer is.
  let depth = 0;
  const over = (by: number) => {
    depth = Math.max(0, depth + by);
    zone.classList.toggle("over", depth > 0);
  };
  zone.addEventListener("dragenter", (event) => {
    event.preventDefault();
    over(1);
  });
  zone.addEventListener("dragover", (event) => event.preventDefault());
  zone.addEventListener("dragleave", () => over(-1));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    over(-depth);
    choose(event.dataTransfer?.files[0] ?? null);
  });
}
