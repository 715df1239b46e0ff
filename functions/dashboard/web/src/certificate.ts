// The certificate of compliance: made by the server, and shown in a shadow tree, so that neither's style affects the
// other.

import { getText } from "./api";
import { download, fill, h, id, name } from "./dom";
import { dayText, fileName, isHours, momentInput, seconds } from "./format";
import { overview, site } from "./model";
import { route } from "./route";
import { failed, loading } from "./states";
import type { Moment, Overview } from "./types";

export function certificateView(main: HTMLElement): () => void {
  const ids = { from: id("from"), to: id("to") };
  const from = h("input", { id: ids.from });
  const to = h("input", { id: ids.to });
  const holder = h("div");
  const region = h(
    "section",
    { class: "certificate-region", "aria-label": "Certificate", data: { testid: "certificate" } },
    holder,
  );
  const message = h("div");
  /** The certificate on display and its request; the form may have changed since. */
  let shown: { html: string; site: string; from: string; to: string } | null = null;

  const print = h("button", { type: "button", text: "Print", on: { click: () => window.print() } });
  const save = h("button", { type: "button", text: "Download" });
  save.addEventListener("click", () => {
    if (!shown) return;
    download(
      `${fileName("certificate", shown.site, shown.from, shown.to)}.html`,
      new Blob([shown.html], { type: "text/html" }),
    );
  });
  const form = h(
    "form",
    { class: "card period no-print" },
    h("div", { class: "field" }, h("label", { for: ids.from, text: "From" }), from),
    h("div", { class: "field" }, h("label", { for: ids.to, text: "To" }), to),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "submit", class: "primary", text: "Show certificate" }),
      print,
      save,
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void show();
  });
  form.addEventListener("input", () => {
    const isOther = shown !== null && (shown.from !== from.value || shown.to !== to.value);
    const text = `The certificate below is of ${shown?.from || "the beginning"} to ${shown?.to || "the end"}.`;
    fill(message, isOther && h("p", { class: "note no-print", role: "status", text }));
  });
  const title = h("h2", { class: "no-print" });
  fill(main, title, form, message, region);

  let asked = 0;
  async function show(): Promise<void> {
    fill(message, loading("Making the certificate"));
    region.dataset.ready = "false";
    const turn = ++asked;
    const query = { site: site(), from: from.value, to: to.value };
    try {
      const html = await getText("/api/certificate", query);
      if (turn !== asked || query.site !== site()) return;
      shown = { html, ...query };
      insert(holder, html);
      fill(message);
      region.dataset.ready = "true";
      enable(true);
    } catch (error) {
      if (turn !== asked) return;
      shown = null;
      enable(false);
      fill(
        message,
        failed(error, () => void show()),
      );
    }
  }

  function enable(is: boolean): void {
    region.hidden = !is;
    print.disabled = !is;
    save.disabled = !is;
  }

  let prepared: string | null = null;
  function prepare(): void {
    const loaded = overview.get();
    if (loaded.state !== "ready" || route.get().view !== "certificate" || prepared === loaded.value.site) return;
    prepared = loaded.value.site;
    fill(title, "Certificate of ", name(prepared));
    period(loaded.value, from, to);
    void show();
  }

  enable(false);
  fill(title, "Certificate of compliance");
  return overview.watch(prepare);
}

/** Dates if the readings have dates, hours if they have hours; at first, the whole record. */
function period(loaded: Overview, from: HTMLInputElement, to: HTMLInputElement): void {
  const sorted = (moments: Moment[]) => moments.sort((a, b) => seconds(a) - seconds(b));
  const first = sorted(loaded.series.map((one) => one.first))[0];
  const last = sorted(loaded.series.map((one) => one.last)).at(-1);
  const hours = last !== undefined && isHours(last);
  for (const [input, moment] of [
    [from, first],
    [to, last],
  ] as const) {
    momentInput(input, hours);
    input.value = moment === undefined ? "" : isHours(moment) ? String(moment) : dayText(moment);
  }
}

/**
 * The page's style and body, in a shadow tree. The style is adopted rather than inserted, and removed before the page
 * is parsed: the policy allows no inline style, not even in a document that is never shown.
 */
function insert(holder: HTMLElement, html: string): void {
  const [, text = ""] = /<style>(.*?)<\/style>/s.exec(html) ?? [];
  const page = new DOMParser().parseFromString(html.replace(/<style>.*?<\/style>/s, ""), "text/html");
  const style = new CSSStyleSheet();
  style.replaceSync(text);
  const root = holder.shadowRoot ?? holder.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [style];
  // The dashboard has its own `main`.
  const parts = [...(page.querySelector("main")?.childNodes ?? [])];
  root.replaceChildren(h("div", { class: "certificate" }, ...parts.map((part) => document.adoptNode(part))));
}
