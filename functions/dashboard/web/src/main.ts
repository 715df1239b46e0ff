import "./style/base.css";
import "./style/shell.css";
import "./style/forms.css";
import "./style/overview.css";
import "./style/upload.css";
import "./style/print.css";
import { certificateView } from "./certificate";
import { h } from "./dom";
import { later, type Mount } from "./later";
import { start } from "./model";
import { overviewView } from "./overview/view";
import { permitView } from "./permit/view";
import { route, type View } from "./route";
import { shell } from "./shell";
import { askForTokens } from "./token";
import { takeUp } from "./upload/queue";
import { uploadView } from "./upload/view";

const VIEWS: Record<View, Mount> = {
  overview: overviewView,
  upload: uploadView,
  // Most visitors come for the overview.
  files: later(async () => (await import("./files/view")).filesView),
  permit: permitView,
  certificate: certificateView,
  chemistry: later(async () => (await import("./chemistry/view")).chemistryView),
};

const main = h("main", { id: "main", tabindex: "-1" });
document.getElementById("app")?.replaceWith(shell(main));
askForTokens();

let shown: View | null = null;
let end = () => {};
route.watch(({ view }) => {
  if (view === shown) return;
  end();
  const first = shown === null;
  shown = view;
  main.replaceChildren();
  main.dataset.view = view;
  end = VIEWS[view](main);
  // Users of the keyboard or a screen reader continue where the new view begins.
  if (!first) main.focus();
});

// By then, whoever needs a token has it.
void start().then(takeUp);
