// Drives the annotation page in headless Chromium and prints what it measured as JSON.
//
//     node measure.mjs page ADDRESS SCENE OTHER     of one scan; OTHER to switch to and fro
//     node measure.mjs picks ADDRESS SCENE NUMBER   random picks against an exhaustive search
//     node measure.mjs peer ADDRESS                 the authors' tool, imitated (peer.html)
//
// A time ends when a pixel of the picture that shows the change has been read back.
import { chooseClass, launch } from "./page.mjs";

const SWITCHES = 20;

const [what, address, ...rest] = process.argv.slice(2);
const { browser, context } = await launch();
const page = await context.newPage();
page.on("pageerror", (error) => console.error(error.message));
try {
  console.log(JSON.stringify(await { page: measurePage, picks, peer }[what](...rest)));
} finally {
  await browser.close();
}

/** Everything about the page with one scan. */
async function measurePage(scene, other) {
  await enter();
  const client = await context.newCDPSession(page);
  const cold = await open(client, scene);
  await page.goto("about:blank");
  const warm = await open(client, scene);
  await chooseClass(page, "chair");
  const result = { cold, ...warm, ...(await page.evaluate(inPage)) };
  result.heap = await heap(client);
  const before = result.heap.script;
  const grown = [];
  for (let i = 0; i < SWITCHES; i++) {
    await show(i % 2 ? scene : other);
    if (i % 2) grown.push((await heap(client)).script);
  }
  result.growth = grown.at(-1) / Math.max(before, grown[0]) - 1;
  return result;
}

/** Sign in by the one-time address, and leave the page again: what is measured is a fresh one. */
async function enter() {
  await page.goto(address);
  await page.waitForFunction(() => window.seggroup !== undefined);
  await page.goto("about:blank");
}

/** Navigate to a scene: seconds to the first picture and to the first hover, bytes transferred. */
async function open(client, scene) {
  let transferred = 0;
  const count = (event) => (transferred += event.encodedDataLength);
  await client.send("Network.enable");
  await client.send("Network.setCacheDisabled", { cacheDisabled: true });
  client.on("Network.loadingFinished", count);
  await page.addInitScript(() => {
    const look = () => {
      const state = window.seggroup?.state();
      const stats = state ? window.seggroup.viewer.stats : null;
      if (stats?.frames > 0 && !window.drawn) window.drawn = performance.now();
      if (stats?.indexMs > 0) window.indexed = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(`${new URL(address).origin}/#/scene/${encodeURIComponent(scene)}`);
  await page.waitForFunction(() => window.indexed !== undefined, null, { timeout: 120_000 });
  const [drawn, indexed] = await page.evaluate(() => [window.drawn, window.indexed]);
  client.off("Network.loadingFinished", count);
  return { drawn, indexed, transferred };
}

/** Go to a scene without loading the page again. */
async function show(scene) {
  await page.evaluate((name) => (location.hash = `#/scene/${encodeURIComponent(name)}`), scene);
  const ready = (name) =>
    window.seggroup.state()?.scene === name && window.seggroup.viewer.stats.indexMs > 0;
  await page.waitForFunction(ready, scene, { timeout: 120_000 });
}

/** Bytes in use after a collection: of JavaScript's heap, and of its buffers beside it. */
async function heap(client) {
  await client.send("HeapProfiler.collectGarbage");
  const usage = await client.send("Runtime.getHeapUsage");
  return { script: usage.usedSize, buffers: usage.backingStorageSize ?? 0 };
}

/** Times in the page: hover, click, acknowledgement, spread, orbit, rest. Runs in the browser. */
async function inPage() {
  const { viewer, state } = window.seggroup;
  const canvas = document.querySelector("canvas");
  const gl = canvas.getContext("webgl2");
  const box = canvas.getBoundingClientRect();
  const frame = () => new Promise(requestAnimationFrame);
  const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const finish = () => gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  const send = (type, x, y, buttons = 0) => {
    const at = { clientX: box.x + x, clientY: box.y + y, pointerId: 1, isPrimary: true };
    const button = type === "pointermove" ? -1 : 0;
    const options = { ...at, buttons, button, bubbles: true, pointerType: "mouse" };
    canvas.dispatchEvent(new PointerEvent(type, options));
  };
  /** Milliseconds from an action to the picture that shows it. */
  const shown = async (act) => {
    const { frames } = viewer.stats;
    const start = performance.now();
    act();
    for (let i = 0; i < 120 && viewer.stats.frames === frames; i++) await frame();
    if (viewer.stats.frames === frames) return null;
    finish();
    return performance.now() - start;
  };
  /** When the last answer from a route had arrived. */
  const answered = (route) =>
    performance
      .getEntriesByType("resource")
      .filter(({ name }) => name.endsWith(route))
      .at(-1).responseEnd;
  let random = 1;
  const draw = () => (random = (random * 48271) % 2147483647) / 2147483647;
  const place = () => [box.width * (0.2 + 0.6 * draw()), box.height * (0.2 + 0.6 * draw())];
  const all = async (n, act) => {
    const times = [];
    for (let i = 0; i < n; i++) {
      const time = await act(i);
      if (time !== null) times.push(time);
    }
    return times;
  };

  await rest(1000);
  const { uploads } = viewer.stats;
  const hover = await all(200, async () => {
    const [x, y] = place();
    let last = viewer.pickAt(x, y)?.segment;
    if (last === undefined || last === state().hover?.segment) return null;
    await rest(16 * draw()); // at any time between two frames
    return shown(() => send("pointermove", x, y));
  });
  const click = [];
  const acknowledged = [];
  const spread = [];
  for (let i = 0; i < 400 && click.length < 25; i++) {
    const [x, y] = place();
    const found = viewer.pickAt(x, y);
    if (!found) continue;
    const before = state();
    const preview = JSON.stringify(before.preview);
    send("pointermove", x, y);
    await rest(60);
    performance.clearResourceTimings();
    const start = performance.now();
    const time = await shown(() => {
      send("pointerdown", x, y, 1);
      send("pointerup", x, y);
    });
    const after = state();
    if (after.undoable === before.undoable) continue; // the segment had a click already
    click.push(time);
    let ack = null;
    let seen = null;
    for (let j = 0; j < 400 && (ack === null || seen === null); j++) {
      const now = state();
      if (ack === null && now.drafts === 0) ack = answered("/log") - start;
      if (seen === null && JSON.stringify(now.preview) !== preview) {
        viewer.flush(); // draw what is due, and wait until it is drawn
        seen = performance.now() - start;
      }
      await frame();
    }
    acknowledged.push(ack);
    if (seen !== null) spread.push(seen);
    await rest(700); // a faster one would be a double click
  }
  const sent = viewer.stats.uploads - uploads;
  const orbit = [];
  const middle = [box.width / 2, box.height / 2];
  send("pointerdown", ...middle, 1);
  for (let i = 1; i <= 60; i++) {
    orbit.push(await shown(() => send("pointermove", middle[0] + 6 * i, middle[1] + (i % 5), 1)));
  }
  send("pointerup", middle[0] + 360, middle[1]);
  // Hover after the camera stops: until a move of the pointer shows its segment in red again.
  const stopped = performance.now();
  let hovered = null;
  for (let i = 0; i < 200 && hovered === null; i++) {
    await shown(() => send("pointermove", middle[0] + 40 * Math.sin(i), middle[1] + 40 * Math.cos(i)));
    if (state().hover) hovered = performance.now() - stopped;
  }
  await rest(1500);
  const { frames } = viewer.stats;
  await rest(10_000);
  const idle = viewer.stats.frames - frames;
  return { hover, click, acknowledged, spread, orbit, hovered, idle, sent, index: viewer.stats.indexMs };
}

/**
 * Random picks in the page: each vertex must have the picked segment, and every hundredth pick
 * must be the nearest corner of the triangle that an exhaustive search finds.
 */
async function picks(scene, number) {
  await enter();
  await page.goto(`${new URL(address).origin}/#/scene/${encodeURIComponent(scene)}`);
  const ready = () => window.seggroup?.state() && window.seggroup.viewer.stats.indexMs > 0;
  await page.waitForFunction(ready, null, { timeout: 120_000 });
  return page.evaluate(async (n) => {
    const { viewer } = window.seggroup;
    const canvas = document.querySelector("canvas");
    const { positions: p, faces, segments } = viewer.shown.scan;
    const times = ([x, y, z, w], m) =>
      [0, 1, 2, 3].map((r) => m[r] * x + m[r + 4] * y + m[r + 8] * z + m[r + 12] * w);
    /** The ray through a pixel: where it starts and where it goes. */
    const rayOf = (x, y) => {
      const ndc = [(2 * x) / canvas.clientWidth - 1, 1 - (2 * y) / canvas.clientHeight, 0.5, 1];
      const { projectionMatrixInverse, matrixWorld } = viewer.camera;
      const at = times(times(ndc, projectionMatrixInverse.elements), matrixWorld.elements);
      const from = matrixWorld.elements.slice(12, 15);
      return [from, [0, 1, 2].map((k) => at[k] / at[3] - from[k])];
    };
    /** The nearest hit of all triangles: its distance and the corner nearest to it. */
    const exhaustive = ([ox, oy, oz], [dx, dy, dz]) => {
      let [best, corner] = [Infinity, -1];
      for (let f = 0; f < faces.length; f += 3) {
        const [a, b, c] = [3 * faces[f], 3 * faces[f + 1], 3 * faces[f + 2]];
        const [ux, uy, uz] = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
        const [vx, vy, vz] = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
        const [hx, hy, hz] = [dy * vz - dz * vy, dz * vx - dx * vz, dx * vy - dy * vx];
        const det = ux * hx + uy * hy + uz * hz;
        if (det === 0) continue;
        const [sx, sy, sz] = [ox - p[a], oy - p[a + 1], oz - p[a + 2]];
        const s = (sx * hx + sy * hy + sz * hz) / det;
        const [qx, qy, qz] = [sy * uz - sz * uy, sz * ux - sx * uz, sx * uy - sy * ux];
        const t = (dx * qx + dy * qy + dz * qz) / det;
        const d = (vx * qx + vy * qy + vz * qz) / det;
        if (s < 0 || t < 0 || s + t > 1 || d <= 0 || d >= best) continue;
        best = d;
        const hit = [ox + d * dx, oy + d * dy, oz + d * dz];
        const far = (i) => Math.hypot(p[i] - hit[0], p[i + 1] - hit[1], p[i + 2] - hit[2]);
        corner = [a, b, c].reduce((i, j) => (far(j) < far(i) ? j : i)) / 3;
      }
      return corner;
    };
    const result = { picks: n, hits: 0, wrong: 0, searched: 0, differ: 0 };
    for (let i = 0; i < n; i++) {
      if (i % 500 === 0) {
        viewer.orbitBy(40 * Math.random(), 10 * (Math.random() - 0.5));
        await new Promise(requestAnimationFrame);
      }
      const x = Math.random() * canvas.clientWidth;
      const y = Math.random() * canvas.clientHeight;
      const found = viewer.pickAt(x, y);
      if (found) result.hits++;
      if (found && segments[found.vertex] !== found.segment) result.wrong++;
      if (i % 100) continue;
      result.searched++;
      if (exhaustive(...rayOf(x, y)) !== (found?.vertex ?? -1)) result.differ++;
    }
    return result;
  }, Number(number));
}

/** Hover (and click: the same work) and orbit of the imitated tool. */
async function peer() {
  await page.goto(address);
  await page.waitForFunction(() => window.peer !== undefined, null, { timeout: 120_000 });
  return page.evaluate(() => {
    const hover = [];
    for (let i = 0; i < 500 && hover.length < 9; i++) {
      const time = window.peer.hover();
      if (time !== null) hover.push(time);
    }
    return { hover, orbit: Array.from({ length: 9 }, (_, i) => window.peer.orbit(i)) };
  });
}
