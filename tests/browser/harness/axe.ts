// axe-core on a page as it stands.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Fails with what axe finds wrong, by rule and element, except within what is not ours. */
export async function expectAccessible(page: Page, what: string, foreign?: string): Promise<void> {
  // A fade that has not ended has contrasts that nobody is meant to read at. What never ends is not waited for.
  await page.waitForFunction(() =>
    document
      .getAnimations()
      .filter((animation) => animation.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY)
      .every(({ playState }) => playState !== "running"),
  );
  // "Legacy" is within the page; the other way, for pages with frames, opens a second page each time.
  const builder = new AxeBuilder({ page }).setLegacyMode();
  if (foreign) builder.exclude(foreign);
  const { violations, passes } = await builder.analyze();
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}\n  ${target.join(" ")}\n  ${failureSummary}`),
  );
  expect(found, `axe on ${what}`).toEqual([]);
  expect(passes.length, `rules that axe could apply to ${what}`).toBeGreaterThan(10);
}
