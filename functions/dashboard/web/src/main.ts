import "./style/base.css";
import "./style/shell.css";
import "./style/forms.css";
import "./style/overview.css";
import "./style/print.css";
import { certificateView } from "./certificate";
import { h } from "./dom";
import { start } from "./model";
import { overviewView } from "./overview/view";
import { permitView } from "./permit/view";
import { route, type View } from "./route";
import { shell } from "./shell";
import { askForTokens } from "./token";
import { uploadView } from "./upload/view";

/** Makes a view, and returns what ends it. */
type Mount = (main: HTMLElement) => () => void;

const VIEWS: Record<View, Mount> = {
  overview: overviewView,
  upload: uploadView,
  permit: permitView,
  certificate: certificateView,
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
  // Who works with the keyboard or hears the page goes on where the new view begins.
  if (!first) main.focus();
});

void start();
