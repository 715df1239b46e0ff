// The cost of a page: bytes, time to the first paint, frames a second.
import type { Browser, Page } from "@playwright/test";

/** Counts the bytes that a page receives over the wire, including headers and WebSocket messages. */
export class Traffic {
  #bytes = 0;
  readonly #of = new Map<string, { url: string; bytes: number }>();

  static async of(page: Page): Promise<Traffic> {
    const traffic = new Traffic();
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    session.on("Network.requestWillBeSent", ({ requestId, request }) => {
      traffic.#of.set(requestId, { url: request.url, bytes: 0 });
    });
    session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
      traffic.#bytes += encodedDataLength;
      const entry = traffic.#of.get(requestId);
      if (entry) entry.bytes = encodedDataLength;
    });
    session.on("Network.webSocketFrameReceived", ({ response }) => {
      traffic.#bytes += response.payloadData.length;
    });
    return traffic;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The largest resources first, for the message of a failure. */
  get list(): string {
    const entries = [...this.#of.values()].sort((a, b) => b.bytes - a.bytes);
    return entries.map(({ url, bytes }) => `${bytes} ${url}`).join("\n");
  }
}

/** The first paint, in milliseconds after the navigation began. */
export async function firstPaint(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const paints = () => performance.getEntriesByType("paint").map(({ startTime }) => startTime);
    while (paints().length === 0) await new Promise(requestAnimationFrame);
    return Math.max(...paints());
  });
}

interface TraceEvent {
  name: string;
  ph: string;
  ts: number;
  args?: { frame_reporter?: { state?: string } };
}

/** The frames that the compositor has presented during an action. */
export async function framesPerSecond(browser: Browser, page: Page, act: () => Promise<void>): Promise<number> {
  await browser.startTracing(page, { categories: ["disabled-by-default-devtools.timeline.frame"] });
  const started = performance.now();
  await act();
  const seconds = (performance.now() - started) / 1000;
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const reports = trace.traceEvents.filter(({ name, ph }) => name === "PipelineReporter" && ph === "b");
  const presented = reports.filter(({ args }) => args?.frame_reporter?.state?.startsWith("STATE_PRESENTED"));
  return presented.length / seconds;
}

/** Reports the measurements, so that a run also shows how far they are from the limits. */
export function tell(what: string): void {
  process.stdout.write(`    measured: ${what}\n`);
}
