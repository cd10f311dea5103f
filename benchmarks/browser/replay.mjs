// A simulated annotator at the page: `node replay.mjs < TASK`, where TASK is JSON of
//
//     address   one-time address of a server with a single scene
//     policy    "suggested": key N flies to the next place; "by size": `order` tells it
//     steps     how often a place is looked at
//     truth     by segment id: [instance, class], what the person recognises there
//     order     [segment id, vertex], for the policy "by size"
//
// At each place the person chooses the class where it is another, and clicks; the next part of an
// object that has a click is added with Shift, after it was picked up in the list of instances.
// What is nothing is passed over. Prints what was done at every step and how many operations the log
// has after it, and how often the scan had to be turned before a place was seen.
import { readFileSync } from "node:fs";
import { chooseClass, clickAt, openPage, operations, placeOf, stateOf } from "./page.mjs";

const { address, policy, steps, truth, order } = JSON.parse(readFileSync(0, "utf8"));
const DOUBLE_MS = 400; // within less, two clicks at one place are a double click
const TURNS = 8; // how often the person turns the scan to see a place
const { browser, page } = await openPage(address);
const numbers = new Map(); // the annotated instance of each true one
let clicked = 0;
let turned = 0;

try {
  await answered("null");
  const go = { suggested, "by size": bySize }[policy];
  const start = performance.now();
  const done = [];
  for (let i = 0; i < steps; i++) {
    const place = await go(i);
    if (place === null) break;
    done.push({ kind: await label(place), operations: await operations(page) });
  }
  const seconds = (performance.now() - start) / 1000;
  await page.waitForFunction(() => window.seggroup.state().unsent === 0);
  console.log(JSON.stringify({ steps: done, seconds, turned }));
} finally {
  await browser.close();
}

/** What the labels' last preview is known by. */
async function preview() {
  return JSON.stringify((await stateOf(page)).preview);
}

/** Wait for another preview than this. */
async function answered(before) {
  const other = (known) => JSON.stringify(window.seggroup.state().preview) !== known;
  await page.waitForFunction(other, before);
}

/** Fly to the next suggestion. The one before, where it was passed over, is declined by that. */
async function suggested() {
  const { suggestion: last, instances } = await stateOf(page);
  const has = ({ clicks }) => clicks.some(([segment]) => segment === last.segment);
  const declines = last !== null && !instances.some(has);
  const before = await preview();
  await page.locator("canvas").focus();
  await page.keyboard.press("n");
  if (declines) await answered(before);
  return (await stateOf(page)).suggestion;
}

/** Fly to the largest segment not looked at yet. */
async function bySize(i) {
  if (i >= order.length) return null;
  const [segment, vertex] = order[i];
  await page.evaluate((v) => window.seggroup.viewer.flyTo(v), vertex);
  return { segment, vertex };
}

/** Label what is at a place; tells what was done. */
async function label({ segment, vertex }) {
  if (!(segment in truth)) return "passed over";
  const [instance, name] = truth[segment];
  const place = await look(segment, vertex);
  if (place === null) return "not seen";
  const [before, done] = [await preview(), await operations(page)];
  const number = numbers.get(instance);
  if (number === undefined) await begin(name, place);
  else await add(number, place);
  await answered(before);
  if ((await operations(page)) !== done + 1) throw new Error("a click was not one operation");
  numbers.set(instance, (await stateOf(page)).current);
  return number === undefined ? "new" : "added";
}

async function begin(name, place) {
  const { semantic } = await stateOf(page);
  if (semantic === null || (await className(semantic)) !== name) await chooseClass(page, name);
  await click(place, []);
}

async function add(number, place) {
  if ((await stateOf(page)).current !== number) {
    await page.locator(`[data-instance="${number}"] [data-act=pick-up]`).click();
  }
  await click(place, ["Shift"]);
}

async function click(place, keys) {
  await page.waitForTimeout(Math.max(0, DOUBLE_MS - (performance.now() - clicked)));
  await clickAt(page, place, keys);
  clicked = performance.now();
}

async function className(id) {
  return page.locator(`[data-class="${id}"] .class-name`).first().innerText();
}

/** Where the segment is seen; the scan is turned by the mouse until it is. */
async function look(segment, vertex) {
  const vertices = await page.evaluate(sample, [segment, vertex]);
  for (let turn = 0; turn <= TURNS; turn++) {
    const place = await placeOf(page, vertices);
    if (place !== null) return place;
    if (turn === 0) turned++;
    await page.mouse.move(400, 400);
    await page.mouse.down();
    await page.mouse.move(500, turn % 2 ? 460 : 340, { steps: 3 });
    await page.mouse.up();
  }
  return null;
}

/** The vertex, and 300 others of its segment. Runs in the browser. */
function sample([segment, vertex]) {
  const { segments, segmentIds } = window.seggroup.viewer.shown.scan;
  if (segmentIds[segments[vertex]] !== segment) throw new Error("segments differ from the file's");
  const own = [];
  for (let v = 0; v < segments.length; v++) if (segments[v] === segments[vertex]) own.push(v);
  const stride = Math.max(1, Math.floor(own.length / 300));
  return [vertex, ...own.filter((_, i) => i % stride === 0)];
}
