// A scripted annotator who works on while the server, the network or the disk fails.
//
//     node faults.mjs ADDRESS FILE     FILE: what tests/toy_rooms.py prints, the places to click
//
// Obeys the lines of its input, and answers each with a line of JSON:
//
//     click N MS    N clicks, MS apart: a place without a click is clicked, another is unclicked
//     work MS       the same until the next line (which alone is answered)
//     network on|off
//     banner KEY    wait until the page shows this warning; its text
//     saved         wait until the server has everything
//     rest          nothing
//
// An answer tells the text, the most operations that were unsent at once, and all that was done.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { chooseClass, clickAt, openPage, operations, placeOf, stateOf } from "./page.mjs";

const [address, file] = process.argv.slice(2);
const targets = JSON.parse(readFileSync(file, "utf8"));
const { browser, context, page } = await openPage(address);
const labelled = new Set();
const done = []; // [kind, vertex], in the order of the clicks
let next = 0;
let unsent = 0;

const commands = {
  click: (n, ms) => work(Number(ms), Number(n)),
  network: (word) => context.setOffline(word === "off"),
  banner: (key) => page.locator(`[data-banner="${key}"] p`).innerText({ timeout: 60_000 }),
  saved: () => page.waitForFunction(allSaved, null, { timeout: 120_000 }),
  rest: () => null,
};
try {
  await page.keyboard.press("t");
  await page.waitForTimeout(500);
  await chooseClass(page, "chair");
  await obey();
} finally {
  await browser.close();
}

async function obey() {
  let going = Promise.resolve();
  let on = false;
  for await (const line of createInterface({ input: process.stdin })) {
    on = false;
    await going;
    const [word, ...rest] = line.split(" ");
    if (word === "work") {
      on = true;
      going = work(Number(rest[0]), Infinity, () => on);
      continue;
    }
    const text = await commands[word](...rest);
    const said = typeof text === "string" ? text : null;
    console.log(JSON.stringify({ text: said, unsent, log: done }));
  }
}

/** Whether the server has everything. Runs in the browser. */
function allSaved() {
  return window.seggroup.state().unsent === 0;
}

/** Click on, in turn at every place that nothing lies over. */
async function work(ms, count, goesOn = () => true) {
  for (let i = 0; i < count && goesOn(); i++) {
    const { vertex, place } = await free();
    const kind = labelled.has(vertex) ? "unclick" : "click";
    const before = await operations(page);
    await clickAt(page, place, kind === "click" ? [] : ["Alt"]);
    const taken = (await operations(page)) > before;
    if (!taken && (await placeOf(page, [vertex])) === null) continue; // a warning came over it
    if (kind === "click") labelled.add(vertex);
    else labelled.delete(vertex);
    done.push([kind, vertex]);
    unsent = Math.max(unsent, (await stateOf(page)).unsent);
    await page.waitForTimeout(ms);
  }
}

/** The next place that the pointer can reach: a warning may lie over some. */
async function free() {
  for (let i = 0; i < targets.length; i++) {
    const { vertex } = targets[next++ % targets.length];
    const place = await placeOf(page, [vertex]);
    if (place !== null) return { vertex, place };
  }
  throw new Error("nothing can be clicked");
}
