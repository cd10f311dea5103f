/** What the browser tests share: a toy scan, a server of their own, a page of their own. */

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type {} from "../src/main";
import settings from "./chromium.json";
import { chromium, type Browser, type Page } from "playwright-core";

const ROOT = path.resolve(fileURLToPath(import.meta.url), "../../..");
const PROGRAM = path.join(ROOT, ".venv/bin/seggroup");
const PYTHON = path.join(ROOT, ".venv/bin/python");

/** Chromium with software WebGL: the same picture on every machine, with or without a GPU. */
export async function launch(): Promise<Browser> {
  const executablePath = process.env.SEGGROUP_CHROMIUM ?? settings.executable;
  return chromium.launch({ executablePath, args: settings.args });
}

/** A folder that is gone when `remove` is called. */
export function temporaryFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(path.join(tmpdir(), "seggroup-e2e-"));
  return { folder, remove: () => { rmSync(folder, { recursive: true, force: true }); } };
}

/** A true instance, and a vertex of it that is seen from above. */
export interface Target {
  instance: number;
  semantic: number;
  class: string;
  vertex: number;
}

/** Write the toy room with 30 boxes (tests/toy_rooms.py) as FOLDER/NAME.ply. */
export function writeRoom(
  folder: string,
  name = "boxes",
  ...options: string[]
): { file: string; targets: Target[] } {
  const file = path.join(folder, `${name}.ply`);
  const printed = execFileSync(PYTHON, [path.join(ROOT, "tests/toy_rooms.py"), file, ...options]);
  return { file, targets: JSON.parse(printed.toString()) as Target[] };
}

/** Run the program with a line of input. */
export function run(input: string, ...command: string[]): void {
  execFileSync(PROGRAM, command, { input });
}

export interface Server {
  /** With the one-time token. */
  address: string;
  origin: string;
  process: ChildProcess;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** `seggroup annotate` on scans; a port of 0 is any that is free. */
export async function serve(
  scans: readonly string[],
  folder: string,
  { port = 0, more = [] }: { port?: number; more?: readonly string[] } = {},
): Promise<Server> {
  const database = path.join(folder, "annotations.sqlite");
  const options = ["--no-browser", "--json", "--port", `${port}`, "--database", database, ...more];
  const child = spawn(PROGRAM, ["annotate", ...scans, ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: folder,
  });
  const first = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => { reject(new Error(`seggroup annotate ended with ${code}`)); });
  });
  const { address } = JSON.parse(first) as { address: string };
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  };
  return { address, origin: new URL(address).origin, process: child, stop };
}

interface Opening {
  size?: { width: number; height: number };
  /** Runs in the page before its own scripts. */
  prepare?: () => void;
}

/** A page whose console errors and failed requests are collected. */
export async function open(
  browser: Browser,
  address: string,
  { size = { width: 1280, height: 800 }, prepare }: Opening = {},
): Promise<{ page: Page; faults: string[]; foreign: string[] }> {
  const context = await browser.newContext({ viewport: size });
  if (prepare !== undefined) await context.addInitScript(prepare);
  const page = await context.newPage();
  const faults: string[] = [];
  const foreign: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(message.text());
  });
  const { origin } = new URL(address);
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) foreign.push(url);
  });
  await page.goto(address);
  return { page, faults, foreign };
}

/** What `window.seggroup.state()` gives, as far as the tests look at it. */
export interface State {
  scene: string;
  annotator: string;
  mode: string;
  status: string;
  current: number | null;
  semantic: number | null;
  head: number;
  drafts: number;
  unsent: number;
  saving: string;
  undoable: number;
  redoable: number;
  instances: { instance: number; semantic: number; name: string; note: string; clicks: [number, number][] }[];
  progress: { done: number; of: number } | null;
  preview: { method: string } | null;
  suggestions: { vertex: number; segment: number }[];
  hover: { vertex: number; segment: number } | null;
}

export async function state(page: Page): Promise<State> {
  return page.evaluate(() => window.seggroup.state() as State);
}

/** Wait until the scan is there and can be picked. */
export async function ready(page: Page): Promise<void> {
  await page.waitForFunction(
    () => window.seggroup.state() !== null && window.seggroup.viewer.stats.indexMs > 0,
  );
  const card = page.locator("details[open] > summary", { hasText: "View" });
  if (await card.count()) await card.click(); // it lies over a corner of the scan
  await page.locator("canvas").focus();
}

/** Wait until the server has acknowledged everything. */
export async function saved(page: Page): Promise<void> {
  await page.waitForFunction(() => (window.seggroup.state() as { unsent: number }).unsent === 0);
}

/** Where a vertex is, in pixels of the page. */
async function place(page: Page, vertex: number): Promise<{ x: number; y: number }> {
  const box = await page.locator("canvas").boundingBox();
  const { x, y } = await page.evaluate((v) => window.seggroup.viewer.project(v), vertex);
  return { x: box!.x + x, y: box!.y + y };
}

/** Click on a vertex, as a person does who sees it. */
export async function clickVertex(
  page: Page,
  vertex: number,
  modifiers: readonly ("Shift" | "Alt" | "Control")[] = [],
): Promise<void> {
  const { x, y } = await place(page, vertex);
  for (const key of modifiers) await page.keyboard.down(key);
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.up();
  for (const key of modifiers) await page.keyboard.up(key);
}

/** Choose a class by typing its name into the palette. */
export async function chooseClass(page: Page, name: string): Promise<void> {
  await page.locator("canvas").focus();
  await page.keyboard.press("c");
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
}

/** Look at the scan from above, and wait until the camera is there. */
export async function fromAbove(page: Page): Promise<void> {
  await page.locator("canvas").focus();
  await page.keyboard.press("t");
  await still(page);
}

/** Wait until the camera rests: a vertex stays in its place for half a second. */
export async function still(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const where = (): string => JSON.stringify(window.seggroup.viewer.project(0));
    let [last, since] = ["", performance.now()];
    while (performance.now() - since < 500) {
      await new Promise(requestAnimationFrame);
      if (where() !== last) [last, since] = [where(), performance.now()];
    }
  });
}
