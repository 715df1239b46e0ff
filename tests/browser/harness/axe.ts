// Runs axe-core on a page in its current state.
import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/** Fails with axe's findings, by rule and element, except within third-party elements. */
export async function expectAccessible(page: Page, what: string, foreign?: string): Promise<void> {
  // During a fade, contrasts are low on purpose. Animations that never end are not waited for.
  await page.waitForFunction(() =>
    document
      .getAnimations()
      .filter((animation) => animation.effect?.getComputedTiming().endTime !== Number.POSITIVE_INFINITY)
      .every(({ playState }) => playState !== "running"),
  );
  // "Legacy" mode stays within the page; the other mode, for pages with frames, opens a second page each time.
  const builder = new AxeBuilder({ page }).setLegacyMode();
  if (foreign) builder.exclude(foreign);
  const { violations, passes } = await builder.analyze();
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}\n  ${target.join(" ")}\n  ${failureSummary}`),
  );
  expect(found, `axe on ${what}`).toEqual([]);
  expect(passes.length, `rules that axe could apply to ${what}`).toBeGreaterThan(10);
}
