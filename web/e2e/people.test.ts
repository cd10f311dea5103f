import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  chooseClass,
  clickVertex,
  fromAbove,
  launch,
  open,
  ready,
  run,
  saved,
  serve,
  type Server,
  state,
  type Target,
  temporaryFolder,
  writeRoom,
} from "./setup";

const PEOPLE = [
  ["ada", "annotator"],
  ["bob", "annotator"],
  ["eve", "reviewer"],
];

let browser: Browser;
let server: Server;
let targets: Target[];
let remove: () => void;

beforeAll(async () => {
  browser = await launch();
  const place = temporaryFolder();
  remove = place.remove;
  const room = writeRoom(place.folder);
  targets = room.targets;
  const database = path.join(place.folder, "annotations.sqlite");
  for (const [name, role] of PEOPLE) {
    run(`${name}'s password\n`, "users", "add", name, "--role", role, "--database", database);
  }
  server = await serve([room.file], place.folder, { more: ["--users"] });
});
afterAll(async () => {
  await browser.close();
  await server.stop();
  remove();
});

async function signIn(name: string, password = `${name}'s password`): Promise<Page> {
  const { page } = await open(browser, server.address);
  await page.locator("input[name=name]").fill(name);
  await page.locator("input[name=password]").fill(password);
  await page.locator("[data-act=login]").click();
  return page;
}

async function label(page: Page, which: readonly Target[]): Promise<void> {
  await ready(page);
  await fromAbove(page);
  for (const target of which) {
    await chooseClass(page, target.class);
    await clickVertex(page, target.vertex);
  }
  await saved(page);
}

test("a wrong password lets nobody in", async () => {
  const page = await signIn("ada", "not the password");
  await expect.poll(() => page.locator("[role=alert]").innerText()).not.toBe("");
  expect(await page.evaluate(async () => (await fetch("/api/scenes")).status)).toBe(401);
  await page.context().close();
});

test("one labels and submits, one sends back, and the list tells how two agree", async () => {
  const ada = await signIn("ada");
  await label(ada, targets.slice(0, 6));
  await ada.locator("[data-act=submit]").click();
  await expect.poll(async () => (await state(ada)).status).toBe("submitted");

  const bob = await signIn("bob");
  await label(bob, targets.slice(0, 8));
  expect((await state(bob)).annotator).toBe("bob"); // a track of his own
  expect((await state(bob)).instances).toHaveLength(8);

  const eve = await signIn("eve");
  await ready(eve);
  await eve.evaluate(() => (location.hash = "#/"));
  await expect.poll(() => eve.locator("main, body").first().innerText()).toMatch(/agree/i);
  await eve.evaluate(() => (location.hash = "#/scene/boxes/ada"));
  await eve.locator("[data-act=send-back]").click();
  await eve.locator("dialog textarea").fill("The <b>far</b> boxes are missing.");
  await eve.locator("dialog [data-act=accept]").click();
  await expect.poll(async () => (await state(eve)).status).toBe("sent back");

  await ada.reload();
  await ready(ada);
  const words = ada.getByText("The <b>far</b> boxes are missing."); // as written, not as markup
  await expect.poll(() => words.count()).toBe(1);
  await label(ada, targets.slice(6, 8));
  expect((await state(ada)).instances).toHaveLength(8);
  for (const page of [ada, bob, eve]) await page.context().close();
});
