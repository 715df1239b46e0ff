// The dialog for the access token. It is kept in this tab's session storage and sent in a header, never in an address.

import { onUnauthorized, token } from "./api";
import { h, id } from "./dom";
import { live } from "./model";

export function askForTokens(): void {
  onUnauthorized((refused) => new Promise((resolve) => open(refused, resolve)));
}

function open(refused: boolean, done: () => void): void {
  const [titleId, inputId, hintId] = [id("title"), id("token"), id("hint")];
  const input = h("input", {
    id: inputId,
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    "aria-describedby": hintId,
  });
  const dialog = h(
    "dialog",
    { class: "token", "aria-labelledby": titleId },
    h(
      "form",
      { method: "dialog" },
      h("h2", { id: titleId, text: "Access token" }),
      h("p", { id: hintId, text: "This server wants a token. It is kept in this tab until the tab is closed." }),
      refused &&
        h("p", {
          role: "alert",
          class: "problem",
          text: "The token was not accepted. Check it, or ask who runs the server.",
        }),
      h("label", { for: inputId, text: "Token" }),
      input,
      h("div", { class: "actions" }, h("button", { type: "submit", class: "primary", text: "Connect" })),
    ),
  );
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => {
    token.set(input.value.trim());
    dialog.remove();
    done();
    live.reconnect();
  });
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
}
