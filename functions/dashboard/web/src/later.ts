// Views that are loaded on demand, which keeps the first view small.

import { fill, h } from "./dom";
import { loading } from "./states";

/** Makes a view, and returns a function that ends it. */
export type Mount = (main: HTMLElement) => () => void;

/** A view whose code has to be loaded first. */
export function later(load: () => Promise<Mount>): Mount {
  return (main) => {
    let isOver = false;
    let end = () => {
      isOver = true;
    };
    fill(main, loading("Loading the view"));
    load().then(
      (mount) => {
        if (!isOver) end = mount(main);
      },
      () => {
        if (!isOver) fill(main, gone());
      },
    );
    return () => end();
  };
}

/** A server of another version has other files. */
function gone(): HTMLElement {
  const reload = h("button", { type: "button", text: "Load the page again", on: { click: () => location.reload() } });
  const text = "This view could not be loaded: there is no connection, or the server has a new version of the page.";
  return h("div", { class: "problem", role: "alert" }, h("p", { text }), reload);
}
