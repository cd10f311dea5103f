import { readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  chooseClass,
  clickVertex,
  fromAbove,
  launch,
  open,
  ready,
  saved,
  serve,
  type Server,
  state,
  still,
  type Target,
  temporaryFolder,
  writeRoom,
} from "./setup";

/** How often the whole scene is labelled: once in the tests, 20 times where it is asked for. */
const TIMES = Number(process.env.SEGGROUP_TIMES ?? 1);
const GOLDEN = new URL("./golden-boxes.json", import.meta.url);

let browser: Browser;
let folder: string;
let remove: () => void;
let targets: Target[];
let file: string;
let server: Server;
let page: Page;
let faults: string[];
let foreign: string[];

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});
beforeEach(async () => {
  ({ folder, remove } = temporaryFolder());
  ({ file, targets } = writeRoom(folder));
  server = await serve([file], folder);
  ({ page, faults, foreign } = await open(browser, server.address));
  await ready(page);
});
afterEach(async () => {
  await page.context().close();
  await server.stop();
  remove();
});

/** Label instances from above, with a class typed where it changes. */
async function label(which: readonly Target[]): Promise<void> {
  await fromAbove(page);
  let chosen = "";
  for (const target of which) {
    if (target.class !== chosen) await chooseClass(page, target.class);
    chosen = target.class;
    await clickVertex(page, target.vertex);
  }
}

async function exported(format: string): Promise<string> {
  const { scene, annotator } = await state(page);
  const url = `/api/scenes/${scene}/tracks/${annotator}/export/${format}`;
  return page.evaluate(async (address) => (await fetch(address)).text(), url);
}

describe.each(Array.from({ length: TIMES }, (_, i) => i + 1))("run %i", () => {
  test("a scripted annotator labels 30 boxes and the floor", async () => {
    const start = Date.now();
    const byClass = [...targets].sort((a, b) => a.semantic - b.semantic);
    await label(byClass);
    await saved(page);
    if (TIMES > 1) console.log(`labelled in ${((Date.now() - start) / 1000).toFixed(1)} s`);
    const now = await state(page);
    expect(now.instances.map(({ semantic }) => semantic)).toEqual(byClass.map((t) => t.semantic));
    expect(now.head).toBe(31);
    const clicked = JSON.parse(await exported("authors-scratch")) as unknown;
    expect(clicked).toEqual(JSON.parse(readFileSync(GOLDEN, "utf8")));
    expect(faults).toEqual([]);
    expect(foreign).toEqual([]);
  });
});

test("the keys of a click: add, take away, pick up", async () => {
  const [floor, chair, table] = targets;
  await label([chair]);
  await clickVertex(page, table.vertex, ["Shift"]);
  await saved(page);
  const two = (await state(page)).instances;
  expect(two).toHaveLength(1);
  expect(two[0].clicks.map(([, vertex]) => vertex)).toEqual([chair.vertex, table.vertex]);
  await clickVertex(page, table.vertex, ["Alt"]);
  expect((await state(page)).instances[0].clicks.map(([, v]) => v)).toEqual([chair.vertex]);
  await clickVertex(page, floor.vertex);
  expect((await state(page)).current).toBe(1);
  await clickVertex(page, chair.vertex, ["Control"]);
  expect((await state(page)).current).toBe(0);
  // A plain click on somebody's segment says whose it is and changes nothing.
  await clickVertex(page, floor.vertex);
  expect((await state(page)).instances).toHaveLength(2);
  await expect.poll(() => page.locator("body").innerText()).toMatch(/Ctrl\+click picks it up/);
  expect(faults).toEqual([]);
});

test("a drag turns the scan and labels nothing", async () => {
  await chooseClass(page, "chair");
  await page.mouse.move(400, 400);
  await page.mouse.down();
  await page.mouse.move(500, 420, { steps: 5 });
  await page.mouse.up();
  expect((await state(page)).instances).toHaveLength(0);
});

test("undo and redo, also after the page is loaded again", async () => {
  await label(targets.slice(1, 5));
  for (let i = 0; i < 3; i++) await page.keyboard.press("Control+z");
  await saved(page);
  await page.reload();
  await ready(page);
  expect(await state(page)).toMatchObject({ undoable: 1, redoable: 3 });
  for (let i = 0; i < 3; i++) await page.keyboard.press("Control+Shift+Z");
  await saved(page);
  expect((await state(page)).instances).toHaveLength(4);
});

test("the labels grow: a preview follows every click, and N flies to the next", async () => {
  await label([targets[0]]);
  await page.waitForFunction(() => (window.seggroup.state() as { preview: unknown }).preview !== null);
  const { suggestions } = await state(page);
  expect(suggestions.length).toBeGreaterThan(0);
  await page.locator("canvas").focus();
  await page.keyboard.press("n");
  await still(page);
  const seen = await page.evaluate((v) => window.seggroup.viewer.project(v), suggestions[0].vertex);
  expect(seen.visible).toBe(true);
  expect((await state(page)).instances).toHaveLength(1); // nothing of it is a click
});

test("with truth: no class to choose, and progress counts", async () => {
  await page.locator("[data-act=mode-truth]").click();
  await fromAbove(page);
  for (const target of targets.slice(0, 4)) await clickVertex(page, target.vertex);
  await saved(page);
  const now = await state(page);
  expect(now.instances.map(({ instance, semantic }) => [instance, semantic])).toEqual(
    targets.slice(0, 4).map((t) => [t.instance, t.semantic]),
  );
  expect(now.progress).toEqual({ done: 3, of: 31 }); // the last is not complete yet
});

test("the server is killed in the middle of the work: all clicks arrive once, in order", async () => {
  await label(targets.slice(1, 6));
  const port = Number(new URL(server.origin).port);
  await server.stop("SIGKILL");
  await label(targets.slice(6, 20));
  expect((await state(page)).drafts).toBeGreaterThan(0);
  server = await serve([file], folder, { port });
  await saved(page);
  const now = await state(page);
  expect(now.instances.map(({ clicks }) => clicks[0][1])).toEqual(
    targets.slice(1, 20).map((t) => t.vertex),
  );
  expect(now.head).toBe(19);
});

test("without a network the clicks are kept, also through a reload of the page", async () => {
  await label(targets.slice(1, 3));
  await saved(page);
  await page.context().setOffline(true);
  await label(targets.slice(3, 9));
  const { drafts } = await state(page);
  expect(drafts).toBe(6);
  await page.context().setOffline(false);
  await saved(page);
  await page.reload();
  await ready(page);
  expect((await state(page)).instances).toHaveLength(8);
});

test("leaving is warned of while something is unsent, and only then", async () => {
  const warned = async (): Promise<boolean> => {
    const dialog = page.waitForEvent("dialog", { timeout: 3000 });
    await page.evaluate(() => { setTimeout(() => { location.reload(); }, 0); });
    const asked = await dialog.catch(() => null);
    await asked?.dismiss();
    return asked?.type() === "beforeunload";
  };
  await label(targets.slice(1, 3));
  await saved(page);
  await page.context().setOffline(true);
  await clickVertex(page, targets[9].vertex);
  expect((await state(page)).drafts).toBe(1);
  expect(await warned()).toBe(true);
  await page.context().setOffline(false);
  await saved(page);
  expect(await warned()).toBe(false);
});

test("a second tab is told who is at work, and takes over", async () => {
  await label(targets.slice(1, 3));
  await saved(page);
  const other = await page.context().newPage();
  await other.goto(server.origin);
  await ready(other);
  await expect.poll(() => other.locator("body").innerText()).toMatch(/take over/i);
  await other.getByRole("button", { name: /take over/i }).click();
  await fromAbove(other);
  await chooseClass(other, "table");
  await clickVertex(other, targets[5].vertex);
  await saved(other);
  expect((await state(other)).instances).toHaveLength(3);
});
