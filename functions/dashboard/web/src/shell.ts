// The frame around every view: name, site and outfall, navigation, connection, and the switches.

import { token } from "./api";
import { fill, h, hidden, id } from "./dom";
import { sameName } from "./format";
import type { Connection } from "./live";
import { goToSite, live, overview, site, sites, version } from "./model";
import * as notify from "./notify";
import { go, hashOf, route, VIEWS, type View } from "./route";
import * as theme from "./theme";
import { uploadChip } from "./upload/chip";

const TITLES: Record<View, string> = {
  overview: "Overview",
  upload: "Upload",
  files: "Files",
  permit: "Permit",
  certificate: "Certificate",
  chemistry: "Chemistry",
};

const CONNECTIONS: Record<Connection, string> = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  offline: "Offline",
};

export function shell(main: HTMLElement): HTMLElement {
  return h(
    "div",
    { class: "shell" },
    h("a", { class: "skip", href: "#main", on: { click: (event) => skip(event, main) } }, "Skip to content"),
    h(
      "header",
      { class: "top" },
      h(
        "h1",
        {},
        h("span", { class: "mark", "aria-hidden": "true" }),
        "OpenWorld ",
        h("span", { class: "quiet", text: "effluent monitor" }),
      ),
      connection(),
      uploadChip(),
      h("div", { class: "places" }, siteChoice(), outfallChoice()),
      h("div", { class: "switches" }, notify.button(), theme.button(), forgetButton()),
      navigation(),
    ),
    main,
    footer(),
  );
}

/** The router owns the hash; the link moves the focus by itself. */
function skip(event: Event, main: HTMLElement): void {
  event.preventDefault();
  main.focus();
  main.scrollIntoView();
}

function navigation(): HTMLElement {
  const links = VIEWS.map((view) => h("a", { text: TITLES[view] }));
  route.watch((current) => {
    VIEWS.forEach((view, index) => {
      const link = links[index];
      // The stretch and the series belong to the overview, and a link back to it keeps them. A file does not: from its
      // account, "Files" leads back to the list.
      link?.setAttribute("href", hashOf({ ...current, view, file: null }));
      if (current.view === view) link?.setAttribute("aria-current", "page");
      else link?.removeAttribute("aria-current");
    });
    document.title = `${TITLES[current.view]} · OpenWorld effluent monitor`;
  });
  VIEWS.forEach((view, index) => {
    links[index]?.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go({ view, file: null });
    });
  });
  return h("nav", { "aria-label": "Views" }, ...links);
}

function connection(): HTMLElement {
  const chip = h("div", { class: "chip", role: "status", data: { testid: "connection" } });
  live.connection.watch((state) => {
    chip.dataset.state = state;
    fill(chip, h("span", { class: "dot", "aria-hidden": "true" }), hidden("Connection: "), CONNECTIONS[state]);
  });
  return chip;
}

function choice(label: string, select: HTMLSelectElement): HTMLElement {
  select.id = id("choice");
  return h("div", { class: "choice" }, h("label", { for: select.id, text: label }), select);
}

function siteChoice(): HTMLElement {
  const select = h("select", { on: { change: () => goToSite(select.value) } });
  const draw = () => {
    const known = sites.get();
    const names = known.state === "ready" ? known.value.map((one) => one.site) : [];
    if (!names.some((one) => sameName(one, site()))) names.push(site());
    const current = names.find((one) => sameName(one, site()));
    fill(select, ...names.map((one) => h("option", { value: one, text: one, selected: one === current })));
  };
  sites.watch(draw);
  route.listen(draw);
  return choice("Site", select);
}

function outfallChoice(): HTMLElement {
  const select = h("select", {
    on: { change: () => go({ outfall: select.value || null, series: null, from: null, to: null }) },
  });
  const draw = () => {
    const loaded = overview.get();
    const series = loaded.state === "ready" ? loaded.value.series : [];
    const names = [...new Set(series.map((one) => one.outfall))];
    const asked = route.get().outfall;
    if (asked !== null && !names.some((one) => sameName(one, asked))) names.push(asked);
    const options = names.map((one) =>
      h("option", { value: one, text: one, selected: asked !== null && sameName(one, asked) }),
    );
    fill(select, h("option", { value: "", text: "All outfalls" }), ...options);
  };
  let drawn = "";
  overview.watch((loaded) => {
    // Do not change an open list under the user's pointer, unless the list itself has changed.
    const now = loaded.state === "ready" ? loaded.value.series.map((one) => one.outfall).join("\n") : "";
    if (now !== drawn) draw();
    drawn = now;
  });
  route.watch(draw);
  return choice("Outfall", select);
}

function forgetButton(): HTMLElement {
  const button = h("button", { type: "button", class: "quiet-button", text: "Forget token" });
  button.hidden = token.get() === null;
  button.addEventListener("click", () => {
    token.forget();
    location.reload();
  });
  sites.listen(() => {
    button.hidden = token.get() === null;
  });
  return button;
}

function footer(): HTMLElement {
  const shown = h("span");
  version.watch((text) => fill(shown, text && `Version ${text}`));
  return h("footer", { class: "bottom" }, shown, h("a", { href: "/docs", text: "API documentation" }));
}
