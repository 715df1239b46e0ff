// Scheduled sources: how a user sets them and sees their results.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expectAccessible } from "../harness/axe.ts";
import { client, expect, test } from "../harness/fixtures.ts";

const ROWS = "time,species,concentration\n2026-03-01T00:00:00Z,SO4,900\n";

/** A laboratory's server; the status of its answers may change. */
async function lab(): Promise<{ server: Server; host: string; answer: { status: number } }> {
  const answer = { status: 200 };
  const server = createServer((_, response) => {
    response
      .writeHead(answer.status, { "Content-Type": "text/csv", ETag: '"1"' })
      .end(answer.status === 200 ? ROWS : "");
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}`, answer };
}

test("a source is set, brings a file, says when it brings none, and is removed", async ({ page, startHost, watch }) => {
  watch.expect(/status of 422/);
  const { server, host: address, answer } = await lab();
  const host = await startHost({ minute: "1s", env: { OW_SC_SOURCE_HOSTS: address, OW_SC_SWEEP_EVERY: "1" } });
  await page.goto(`${host.origin}/#/files`);
  const sources = page.getByTestId("sources");
  await sources.getByText("Add a source").click();
  await sources.getByLabel("Kind").selectOption("A file at an address");
  await sources.getByLabel("Address").fill(`http://${address}/night.csv`);
  await sources.getByLabel("Name").fill("lab");
  await sources.getByLabel("Site").fill("north");
  await sources.getByLabel("Schedule").fill("at noon");
  await sources.getByRole("button", { name: "Set the source" }).click();
  await expect(sources.getByRole("alert")).toContainText("a crontab line such as 0 6 * * * is expected");
  await expect(sources.getByLabel("Schedule")).toBeFocused();
  await expectAccessible(page, "the form of a source with what is wrong");
  await sources.getByLabel("Schedule").fill("0 0 29 2 *");
  await sources.getByRole("button", { name: "Set the source" }).click();
  const source = sources.getByTestId("source");
  await expect(source).toHaveAttribute("data-outcome", "taken");
  await expect(source).toContainText("lab");
  await expect(source).toContainText("Asked at 0 0 29 2 * (UTC), next 20");
  await expect(page.getByTestId("file")).toContainText("1 exceedance");
  expect(await client(host).alerts("north")).toHaveLength(1);

  answer.status = 503;
  await source.getByRole("button", { name: "Ask now" }).click();
  await expect(sources.getByRole("status")).toHaveText("The source lab is asked within a minute.");
  await expect(source).toHaveAttribute("data-outcome", "failed");
  await expect(source).toContainText("the server answers 503 Service Unavailable");
  await expect(page.getByTestId("file").filter({ hasText: "source lab" })).toContainText("No file came");
  await expectAccessible(page, "a source that has brought no file");

  await source.getByRole("link", { name: "The last file that came" }).click();
  await expect(page.getByRole("region", { name: "Account" })).toBeVisible();
  await page.goBack();
  await source.getByRole("button", { name: "Remove" }).click();
  await expect(source).toHaveCount(0);
  await expect(page.getByTestId("file")).toHaveCount(2);
  server.close();
});
