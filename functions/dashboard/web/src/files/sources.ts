// Sources that are fetched on a schedule: the last result of each, the time of the next fetch, and the actions.

import { ApiError, get, send } from "../api";
import { type Child, fill, h, id, name } from "../dom";
import { counted, momentText } from "../format";
import { hashOf, route } from "../route";
import { failed } from "../states";
import type { Source, SourceOutcome } from "../types";
import { UTC } from "../zone";
import { sourceForm } from "./source-form";
import { type Look, signOf } from "./words";

const LOOK_EVERY = 5000;

const OUTCOMES: Record<SourceOutcome, Look> = {
  taken: { text: "A file came", tone: "ok", sign: "ok" },
  unchanged: { text: "Nothing new", tone: "none", sign: "none" },
  failed: { text: "No file came", tone: "critical", sign: "critical" },
};

const pathOf = (source: string) => `/api/sources/${encodeURIComponent(source)}`;

/** The part of the page about sources; empty if the host has no inbox for their files. */
export function sourcesPanel(): { element: HTMLElement; end: () => void } {
  const heading = h("h2", { id: id("sources"), text: "Sources" });
  const said = h("p", { class: "said", role: "status", tabindex: "-1" });
  const list = h("ul", { class: "files sources", "aria-labelledby": heading.id });
  const problem = h("div");
  const form = sourceForm((source) => {
    fill(said, "The source ", name(source), " is set, and is asked at once.");
    void look();
  });
  const element = h(
    "section",
    { class: "card", "aria-labelledby": heading.id, hidden: true, data: { testid: "sources" } },
    heading,
    h("p", { class: "quiet", text: "Addresses that are asked by the clock. What they bring is a file as any other." }),
    said,
    problem,
    list,
    h("details", {}, h("summary", { text: "Add a source" }), form),
  );
  const drawn = new Map<string, { text: string; element: HTMLElement }>();
  let isOver = false;

  function draw(sources: Source[]): void {
    const items = sources.map((source) => {
      const text = JSON.stringify(source);
      const known = drawn.get(source.name);
      if (known?.text === text) return known.element;
      const made = { text, element: item(source, act) };
      drawn.set(source.name, made);
      return made.element;
    });
    // Moving an element loses the focus within it.
    const isSame = items.length === list.children.length && items.every((one, index) => one === list.children[index]);
    if (!isSame) fill(list, ...items);
  }

  async function act(source: Source, method: "POST" | "DELETE", path: string, text: string): Promise<void> {
    try {
      await send(path, { method });
      fill(problem);
      fill(said, "The source ", name(source.name), ` ${text}.`);
      said.focus();
    } catch (error) {
      fill(problem, failed(error));
    }
    await look();
  }

  async function look(): Promise<void> {
    try {
      const { sources } = await get<{ sources: Source[] }>("/api/sources");
      if (isOver) return;
      element.hidden = false;
      draw(sources);
    } catch (error) {
      // Keep what is shown while the connection is down. Without an inbox there is nothing to show.
      if (!(error instanceof ApiError) || error.code === "no_inbox") end();
    }
  }

  function end(): void {
    isOver = true;
    clearInterval(timer);
  }

  const timer = setInterval(() => {
    if (document.visibilityState === "visible") void look();
  }, LOOK_EVERY);
  void look();
  return { element, end };
}

type Act = (source: Source, method: "POST" | "DELETE", path: string, text: string) => Promise<void>;

function item(source: Source, act: Act): HTMLElement {
  const button = (label: string, click: () => void) =>
    h("button", { type: "button", "aria-label": `${label}: ${source.name}`, text: label, on: { click } });
  const path = pathOf(source.name);
  return h(
    "li",
    { class: "file", data: { testid: "source", outcome: source.last?.outcome ?? "new" } },
    h(
      "div",
      { class: "file-head" },
      outcome(source),
      source.last && h("span", { class: "quiet number", text: `${momentText(source.last.at, UTC)} UTC` }),
    ),
    h("h3", { class: "file-name" }, name(source.name)),
    h("div", { class: "file-body" }, ...facts(source)),
    h(
      "div",
      { class: "file-foot decisions" },
      h(
        "div",
        { class: "actions" },
        button("Ask now", () => void act(source, "POST", `${path}/ask`, "is asked within a minute")),
        button("Remove", () => void act(source, "DELETE", path, "is removed. What came from it stays")),
      ),
    ),
  );
}

function outcome({ last }: Source): HTMLElement {
  return signOf(last ? OUTCOMES[last.outcome] : { text: "Not asked yet", tone: "info", sign: "underway" });
}

function facts(source: Source): Child[] {
  const { kind, permit, url, site, schedule, zone, next_at: next, last } = source;
  const from = kind === "echo" ? `EPA's effluent charts of ${permit ?? ""}` : url;
  const where: Child[] = site === null ? [] : [" · ", name(site)];
  const file = last?.file?.ingest ?? null;
  return [
    h("p", { class: "quiet" }, "From ", name(from), ...where),
    last && last.outcome !== "taken" && h("p", {}, h("bdi", { text: last.message }), timesText(source)),
    last?.file?.error && h("p", {}, h("strong", { text: "Refused: " }), h("bdi", { text: last.file.error.message })),
    file !== null &&
      h("p", {}, h("a", { href: hashOf({ ...route.get(), view: "files", file }), text: "The last file that came" })),
    h(
      "p",
      { class: "quiet number" },
      `Asked at ${schedule} (${zone})`,
      next !== null && `, next ${momentText(next, zone)}`,
    ),
  ];
}

function timesText({ last }: Source): string {
  return last && last.times > 1 ? ` – ${counted(last.times, "time")} since ${momentText(last.since, UTC)} UTC` : "";
}
