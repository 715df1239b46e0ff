// A host that requires a token, and where the token may and may not appear.
import type { Page } from "@playwright/test";
import { tidy } from "../harness/csv.ts";
import { Dashboard } from "../harness/dashboard.ts";
import { client, expect, test } from "../harness/fixtures.ts";

const TOKEN = "9vQ2mB7xT4kL0sRfYc8HnWpZ6dGjE1aUoIq5tXy3KbM";
const WRONG = "aWrongTokenThatSomebodyMistyped000000000000";
const SITE = "token";

async function enter(dashboard: Dashboard, token: string): Promise<void> {
  await dashboard.dialog.getByLabel("Token", { exact: true }).fill(token);
  await dashboard.dialog.getByRole("button", { name: "Connect" }).click();
}

/** The URLs of all requests of a page, including WebSockets. */
function addresses(page: Page): string[] {
  const found: string[] = [];
  page.on("request", (request) => found.push(request.url()));
  page.on("websocket", (socket) => found.push(socket.url()));
  return found;
}

const stored = (page: Page) =>
  page.evaluate(() => ({
    session: { ...sessionStorage },
    local: JSON.stringify({ ...localStorage }),
    cookie: document.cookie,
  }));

test.beforeEach(({ watch }) => watch.expect(/status of 401|WebSocket connection/));

test("who has no token is asked; a wrong one is refused; the right one connects", async ({
  dashboard,
  page,
  startHost,
}) => {
  const host = await startHost({ token: TOKEN });
  await client(host).ingest(tidy(5, { peak: 5 }), { site: SITE });
  const asked = addresses(page);
  await dashboard.open(host, "Overview", { site: SITE });
  await expect(dashboard.dialog).toBeVisible();
  await expect(dashboard.dialog.getByLabel("Token", { exact: true })).toHaveAttribute("type", "password");

  await enter(dashboard, WRONG);
  await expect(page.getByRole("alert")).toContainText("not accepted");
  await expect(dashboard.dialog).toBeVisible();
  await expect(dashboard.tiles).toHaveCount(0);

  await enter(dashboard, TOKEN);
  await expect(dashboard.dialog).toBeHidden();
  await dashboard.live();
  await expect(dashboard.tile("SO4")).toBeVisible();
  await client(host).publish({ time: "2026-05-01T00:00:00Z", species: "Ni", concentration: 0.5, site: SITE });
  await expect(dashboard.tile("Ni")).toBeVisible();

  const { session, local, cookie } = await stored(page);
  expect(session["owsc-token"]).toBe(TOKEN);
  expect(local + cookie + page.url()).not.toContain(TOKEN);
  expect(asked.length).toBeGreaterThan(3);
  for (const secret of [TOKEN, WRONG]) {
    expect(asked.filter((url) => url.includes(secret))).toEqual([]);
    expect(host.log).not.toContain(secret);
  }
  expect(host.log, "what was asked is logged").toContain("/api/");
});

test("a reload keeps the token, another tab is asked for it, and forgetting it ends it", async ({
  context,
  dashboard,
  page,
  startHost,
}) => {
  const host = await startHost({ token: TOKEN });
  await client(host).ingest(tidy(5), { site: SITE });
  await dashboard.open(host, "Overview", { site: SITE });
  await enter(dashboard, TOKEN);
  await dashboard.live();
  await page.reload();
  await dashboard.live();
  await expect(dashboard.dialog).toBeHidden();

  const other = new Dashboard(await context.newPage());
  await other.open(host, "Overview", { site: SITE });
  await expect(other.dialog).toBeVisible();

  await dashboard.button("Forget token").click();
  await expect(dashboard.dialog).toBeVisible();
  expect((await stored(page)).session["owsc-token"]).toBeUndefined();
});

test("uploading and the certificate work with a token", async ({ dashboard, page, startHost }) => {
  const host = await startHost({ token: TOKEN });
  await dashboard.open(host, "Upload");
  await enter(dashboard, TOKEN);
  await dashboard.choose({ name: "readings.csv", csv: tidy(30) }, SITE);
  await dashboard.button("Upload").click();
  await expect(dashboard.result).toHaveAttribute("data-status", "stored");
  await dashboard.open(host, "Certificate", { site: SITE });
  await expect(page.getByTestId("certificate")).toHaveAttribute("data-ready", "true");
});

for (const token of ["q5Jr/xT4+kL0sRfYc8HnWg==", 'all,of;it=[here]/<\\>?@:{}"']) {
  test(`events arrive with the token ${token}`, async ({ dashboard, startHost }) => {
    const host = await startHost({ token });
    await dashboard.open(host, "Overview", { site: SITE });
    await enter(dashboard, token);
    await dashboard.live();
    await client(host).publish({ time: "2026-05-01T00:00:00Z", species: "Ni", concentration: 0.5, site: SITE });
    await expect(dashboard.tile("Ni")).toBeVisible();
  });
}

test("a host without a token never asks for one", async ({ dashboard, demo }) => {
  await dashboard.openLive(demo);
  await expect(dashboard.dialog).toBeHidden();
  await expect(dashboard.button("Forget token")).toBeHidden();
});
