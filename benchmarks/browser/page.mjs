// A page of the annotator in headless Chromium, worked by mouse and keyboard as a person does.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const { executable, args } = require("./e2e/chromium.json");

/** Chromium with software WebGL, and a window of 1280 by 800 in it. */
export async function launch(options = {}) {
  const executablePath = process.env.SEGGROUP_CHROMIUM ?? executable;
  const browser = await chromium.launch({ executablePath, args });
  const viewport = { width: 1280, height: 800 };
  return { browser, context: await browser.newContext({ viewport, ...options }) };
}

/** The page at an address with a single scene, once the scan can be picked. Flights are cut. */
export async function openPage(address) {
  const { browser, context } = await launch({ reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(address);
  const ready = () => window.seggroup?.state() && window.seggroup.viewer.stats.indexMs > 0;
  await page.waitForFunction(ready, null, { timeout: 120_000 });
  const card = page.locator("details[open] > summary", { hasText: "View" });
  if (await card.count()) await card.click(); // it lies over a corner of the scan
  await page.locator("canvas").focus();
  return { browser, context, page };
}

/** What the page tells of itself (web/src/automation.ts). */
export async function stateOf(page) {
  return page.evaluate(() => window.seggroup.state());
}

/** How many operations were done, whether the server has them or not. */
export async function operations(page) {
  const { head, drafts } = await stateOf(page);
  return head + drafts;
}

/** Choose a class by typing its name into the palette. */
export async function chooseClass(page, name) {
  await page.locator("canvas").focus();
  await page.keyboard.press("c");
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
}

/** Click at a place of the page, with keys held. */
export async function clickAt(page, { x, y }, keys = []) {
  for (const key of keys) await page.keyboard.down(key);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.up();
  for (const key of keys) await page.keyboard.up(key);
}

/**
 * Where one of the vertices is seen, on whole pixels of the page; null where none is. At the place
 * the pointer meets the canvas, and the vertex's own segment.
 */
export async function placeOf(page, vertices) {
  return page.evaluate((all) => {
    const { viewer } = window.seggroup;
    const canvas = document.querySelector("canvas");
    const box = canvas.getBoundingClientRect();
    const { segments } = viewer.shown.scan;
    for (const vertex of all) {
      const at = viewer.project(vertex);
      if (!at.visible) continue;
      const [x, y] = [Math.round(box.x + at.x), Math.round(box.y + at.y)];
      const met = document.elementFromPoint(x, y) === canvas && viewer.pickAt(x - box.x, y - box.y);
      if (met && met.segment === segments[vertex]) return { x, y };
    }
    return null;
  }, vertices);
}
