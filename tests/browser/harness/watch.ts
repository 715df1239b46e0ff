// Watches for what must not happen on any page of any test: a request to another origin, a violation of the policy, an
// error on the console, a dialog. A test that provokes an error declares it.
import type { BrowserContext, Page } from "@playwright/test";

export class Watch {
  readonly #found: string[] = [];
  readonly #expected: RegExp[] = [];

  static async over(context: BrowserContext): Promise<Watch> {
    const watch = new Watch();
    // Chromium reports some violations only to the document, and not on the console.
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        // biome-ignore lint/suspicious/noConsole: the console is how a page tells its test
        console.error(`policy: ${event.violatedDirective} forbids ${event.blockedURI} ${event.sample}`);
      });
    });
    context.on("page", (page) => watch.#page(page));
    context.on("request", (request) => {
      const page = request.isNavigationRequest() ? undefined : request.frame().page();
      watch.#address(request.url(), page);
    });
    context.on("console", (message) => {
      if (message.type() === "error") watch.#note(`console: ${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => watch.#note(`uncaught: ${error.error()}`));
    context.on("dialog", (dialog) => {
      // A page that is left while it sends a file asks for confirmation.
      if (dialog.type() === "beforeunload") return void dialog.accept();
      watch.#note(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    return watch;
  }

  /** Declares that the test provokes this. */
  expect(...what: RegExp[]): void {
    this.#expected.push(...what);
  }

  assertQuiet(): void {
    const unexpected = this.#found.filter((line) => !this.#expected.some((pattern) => pattern.test(line)));
    if (unexpected.length > 0) throw new Error(`on the page:\n${[...new Set(unexpected)].join("\n")}`);
  }

  #page(page: Page): void {
    page.on("websocket", (socket) => this.#address(socket.url(), page));
  }

  /** Every request goes to the loopback host of the page; `data:` and `blob:` are within the page itself. */
  #address(url: string, page: Page | undefined): void {
    const { protocol, host } = new URL(url);
    if (["data:", "blob:", "about:"].includes(protocol)) return;
    const home = page ? new URL(page.url()).host : host;
    const isLocal = host.startsWith("127.0.0.1:");
    if (!isLocal || (home !== "" && host !== home)) this.#note(`request: ${url} from ${page?.url() ?? "nowhere"}`);
  }

  #note(line: string): void {
    this.#found.push(line);
  }
}
