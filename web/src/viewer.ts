/**
 * The canvas on which a person sees and picks a scan.
 *
 * A frame is drawn only when something changed: a move of the camera draws the scan anew, while
 * hover and paint make the picture anew from what was drawn (materials.ts). While the camera moves
 * on a machine that is slow with the whole scan, its light stand-in is drawn.
 */

import { PerspectiveCamera, Ray, Vector3 } from "three";
import { approach } from "./approach";
import {
  FIELD,
  homePose,
  orbit,
  pan,
  pivotTo,
  place,
  type Side,
  sidePose,
  type Vector,
  zoomTo,
} from "./camera";
import { Frames, type View } from "./frames";
import type { ScanGeometry } from "./geometry";
import type { PictureKind } from "./materials";
import { Motion } from "./motion";
import { Palette } from "./palette";
import { partsOf, Passes } from "./passes";
import { type Filter, type Hit, pick } from "./pick";
import { type GestureEvents, type Keys, listen, type Place } from "./pointer";
import { atDepth, project, rayAt, type Size } from "./screen";
import {
  buildIndex,
  EMPTY,
  layerColors,
  placeOf,
  positionOf,
  show,
  type Shown,
  surroundingsOf,
} from "./shown";

export type { PaintStyle } from "./palette";
export { NoWebGL } from "./passes";

/** A place on the scan; `segment` is the dense number, `position` in metres. */
export interface Pick {
  vertex: number;
  segment: number;
  position: [number, number, number];
}

export interface ViewerEvents {
  /** What is under the pointer has changed or moved; null where there is nothing. */
  hover?(pick: Pick | null): void;
  click?(pick: Pick, keys: Keys): void;
  /** The second click of a double click, by which the camera pivots; its first was a `click`. */
  pivot?(pick: Pick): void;
  /** The ray index is ready: hover and click work. */
  indexed?(): void;
  /** The WebGL context is gone, and is back. */
  lost?(): void;
  restored?(): void;
}

/** CSS pixels about the pointer within which a cloud's point counts. */
const TOLERANCE = 4;

export class Viewer {
  /** Colours of the segments of the scan that is loaded. */
  palette = new Palette(0);
  private readonly passes: Passes;
  private readonly frames: Frames;
  private readonly motion: Motion;
  private readonly camera = new PerspectiveCamera();
  private readonly control = new AbortController();
  private shown: Shown = show(EMPTY);
  private stopIndexing: () => void = () => undefined;
  private forgetClick: () => void = () => undefined;
  private filter: Filter = { cut: null, hidden: new Set() };
  private pointer: Place | null = null;
  private hovered: number | null = null;
  private held: "segments" | "original" | null = null;
  private layered = false;
  private pointSize = 2;
  private balls: readonly number[] = [];
  private sharp = false;
  private indexMs = 0;

  /** Raises NoWebGL where the browser has no WebGL 2. */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly events: ViewerEvents,
  ) {
    this.passes = new Passes(canvas);
    this.frames = new Frames(this.passes, {
      before: (now) => {
        this.motion.advance(now);
      },
      view: () => this.toDraw(),
      quick: () => {
        this.sharpen();
      },
    });
    this.motion = new Motion(homePose(this.shown.sample, 1), {
      moved: () => {
        this.moved();
      },
      rested: () => {
        if (this.frames.standIn) this.frames.redraw();
        this.hoverPointer();
      },
    });
    this.watch();
    this.resize();
  }

  /** Frames and bytes since the scan was loaded; times in ms. */
  get stats(): {
    frames: number;
    /** Bytes of vertex and index data sent. */
    uploads: number;
    texels: number;
    lastFrameMs: number;
    indexMs: number;
    /** What the whole surface took to draw when last measured. */
    surfaceMs: number;
  } {
    const { lastFrameMs, surfaceMs } = this.frames;
    return { ...this.passes.counts, lastFrameMs, surfaceMs, indexMs: this.indexMs };
  }

  /** Lowest and highest z of the scan, metres. */
  get heights(): [number, number] {
    return [this.shown.box.min[2], this.shown.box.max[2]];
  }

  /** Show a scan from home in place of the one before; its ray index follows from a worker. */
  load(scan: ScanGeometry): void {
    this.stopIndexing();
    this.palette.changed = null;
    this.palette = new Palette(scan.segmentIds.length);
    this.palette.changed = () => {
      this.frames.ask();
    };
    this.shown = show(scan);
    this.passes.load(scan, this.shown.normals, this.palette);
    this.filter = { cut: null, hidden: new Set() };
    this.layered = false;
    this.balls = [];
    this.setHover(null);
    this.sizePoints();
    this.motion.settle(homePose(this.shown.sample, this.aspect));
    this.placeCamera();
    this.frames.remeasure();
    this.frames.redraw();
    this.index();
  }

  /**
   * Colour the vertices by a layer (RGBA of each vertex's index; A mixes with the scanned colour)
   * in place of the palette, or by the palette again (null).
   */
  setLayer(layer: { index: Uint32Array; colors: Uint8Array } | null): void {
    this.layered = layer !== null;
    const { colors } = this.shown.scan;
    this.passes.setLayer(layer && layerColors(layer.index, layer.colors, colors));
    this.showHeld();
    this.frames.redraw();
  }

  /** Red balls at these vertices. */
  setBalls(vertices: readonly number[]): void {
    this.balls = vertices;
    this.placeBalls();
  }

  /** The colour of the segment under the pointer (0..255, sRGB). */
  setHoverColor(r: number, g: number, b: number): void {
    this.passes.picture.hoverColor.value.set(r / 255, g / 255, b / 255);
    this.frames.repaint();
  }

  /** Show a segment as if the pointer were on it, until the pointer moves. */
  setHover(segment: number | null): void {
    if (segment === this.hovered) return;
    this.frames.touch([this.hovered, segment]);
    this.hovered = segment;
    this.passes.picture.hover.value = segment ?? -1;
  }

  /** Outline a segment and put a ring about its vertex, until this is called again. */
  setMark(mark: { segment: number; vertex: number } | null): void {
    const center = mark === null ? [] : positionOf(this.shown, mark.vertex);
    this.passes.setMark(mark?.segment ?? -1, Float32Array.from(center));
    this.frames.repaint();
  }

  /** While held: every segment in a colour of its own, or the scanned colours alone. */
  hold(what: "segments" | "original" | null): void {
    if (what === this.held) return;
    const bare = what === "original" || this.held === "original";
    this.held = what;
    this.showHeld();
    if (this.layered && bare) this.frames.redraw();
    else this.frames.repaint();
  }

  /** Neither draw nor pick these segments. */
  setHidden(segments: ReadonlySet<number>): void {
    this.filter = { ...this.filter, hidden: new Set(segments) };
    this.passes.setHidden(this.filter.hidden);
    this.placeBalls();
    this.frames.redraw();
  }

  /** Nothing above this height (metres) is drawn or picked; null for no cut. */
  get cut(): number | null {
    return this.filter.cut;
  }

  /** Whether a vertex is drawn: neither cut off nor hidden. */
  shows(vertex: number): boolean {
    const { cut, hidden } = this.filter;
    const [, , height] = positionOf(this.shown, vertex);
    return !hidden.has(this.shown.scan.segments[vertex]) && (cut === null || height <= cut);
  }

  /** Neither draw nor pick what is above this height (metres); null for no cut. */
  setCut(height: number | null): void {
    this.filter = { ...this.filter, cut: height };
    this.placeBalls();
    this.motion.nudge();
  }

  /** The whole scan from a corner above. */
  home(): void {
    void this.motion.fly(homePose(this.shown.sample, this.aspect));
  }

  view(side: Side): void {
    void this.motion.fly(sidePose(this.shown.sample, this.aspect, side));
  }

  /** Go where the vertex and its segment are well seen; resolves on arrival. */
  flyTo(vertex: number, segment?: number): Promise<void> {
    const { segments } = this.shown.scan;
    if (vertex >= segments.length) return Promise.resolve();
    const place = placeOf(this.shown, vertex, segment ?? segments[vertex]);
    const seen = (eye: Vector, point: Vector): boolean => this.seesFrom(eye, point);
    return this.motion.fly(approach(place, surroundingsOf(this.shown), this.motion.pose, seen));
  }

  /** Turn to a place, and about it from now on. */
  pivotAt(at: Pick): void {
    void this.motion.fly(pivotTo(this.motion.pose, at.position));
  }

  /** As a drag by so many CSS pixels. */
  orbitBy(dx: number, dy: number): void {
    this.motion.goTo(orbit(this.motion.pose, dx, dy, this.size.height));
  }

  panBy(dx: number, dy: number): void {
    this.motion.goTo(pan(this.motion.pose, dx, dy, this.size.height));
  }

  /** Come nearer to the middle of the view by a factor above 1, go back by one below. */
  zoomBy(factor: number): void {
    this.motion.goTo(zoomTo(this.motion.pose, this.motion.pose.target, 1 / factor));
  }

  /** What is at a place of the canvas (CSS pixels); null before the ray index is ready. */
  pickAt(x: number, y: number): Pick | null {
    const hit = this.hitAlong(rayAt(this.camera, this.size, x, y));
    return hit && { vertex: hit.vertex, segment: hit.segment, position: hit.position };
  }

  /** Where a vertex is on the canvas (CSS pixels); visible: in view with nothing before it. */
  project(vertex: number): { x: number; y: number; visible: boolean } {
    const position = positionOf(this.shown, vertex);
    const { x, y, within } = project(this.camera, this.size, position);
    return { x, y, visible: within && this.seesFrom(this.camera.position.toArray(), position) };
  }

  /**
   * Least diameter of a cloud's points, CSS pixels. From near they are as large as closes the
   * surface at 2 pixels, and larger or smaller in proportion.
   */
  setPointSize(pixels: number): void {
    this.pointSize = pixels;
    this.sizePoints();
    this.frames.redraw();
  }

  setShading(on: boolean): void {
    this.passes.picture.shading.value = on ? 1 : 0;
    this.frames.repaint();
  }

  /** A CSS colour: a name, #rrggbb or rgb(). */
  setBackground(css: string): void {
    this.passes.picture.background.value.set(...partsOf(css));
    this.frames.repaint();
  }

  /** Draw what is due at once, and wait until it is drawn; for measurements. */
  flush(): void {
    this.frames.drawNow();
    this.passes.finish();
  }

  /** Free the card's memory, the worker and the listeners. */
  dispose(): void {
    this.stopIndexing();
    this.control.abort();
    this.motion.dispose();
    this.frames.dispose();
    this.palette.changed = null;
    this.shown = show(EMPTY);
    this.passes.dispose();
  }

  /** CSS pixels of the canvas; at least one. */
  private get size(): Size {
    const { clientWidth, clientHeight } = this.canvas;
    return { width: Math.max(1, clientWidth), height: Math.max(1, clientHeight) };
  }

  private get aspect(): number {
    return this.size.width / this.size.height;
  }

  /**
   * Pixels drawn per CSS pixel: the screen's own, or two on a machine that is fast enough, which
   * smooths the edges. More than two would cost much and show little.
   */
  private get ratio(): number {
    return this.sharp ? 2 : Math.min(2, Math.max(1, window.devicePixelRatio || 1));
  }

  private gestures(): GestureEvents {
    return {
      orbit: (dx, dy) => {
        this.orbitBy(dx, dy);
      },
      pan: (dx, dy) => {
        this.panBy(dx, dy);
      },
      zoom: (factor, x, y) => {
        this.motion.goTo(zoomTo(this.motion.pose, this.placeAt(x, y), factor));
      },
      hover: (at) => {
        this.pointer = at;
        this.hoverPointer();
      },
      click: ({ x, y }, keys) => {
        const at = this.pickAt(x, y);
        if (at) this.events.click?.(at, keys);
      },
      double: ({ x, y }) => {
        const at = this.pickAt(x, y);
        if (!at) return;
        this.pivotAt(at);
        this.events.pivot?.(at);
      },
      drag: (on) => {
        this.motion.drag(on);
      },
    };
  }

  private hoverPointer(): void {
    if (this.motion.moving) return;
    const at = this.pointer && this.pickAt(this.pointer.x, this.pointer.y);
    this.setHover(at?.segment ?? null);
    this.events.hover?.(at);
  }

  private index(): void {
    const start = performance.now();
    const proxy = (indices: Uint32Array): void => {
      this.passes.setProxy(indices);
    };
    this.stopIndexing = buildIndex(this.shown, proxy, () => {
      this.indexMs = performance.now() - start;
      this.events.indexed?.();
      this.hoverPointer();
    });
  }

  private hitAlong(ray: Ray): Hit | null {
    const { scan, index } = this.shown;
    if (!index) return null;
    const pixels = Math.max(TOLERANCE, this.pointSize / 2);
    const slope = (2 * pixels * Math.tan(FIELD / 2)) / this.size.height;
    return pick(index, scan, ray, this.filter, { slope, radius: this.passes.diameter / 2 });
  }

  /** What is under the pointer, or the place there at the target's depth. */
  private placeAt(x: number, y: number): Vector {
    const ray = rayAt(this.camera, this.size, x, y);
    return this.hitAlong(ray)?.position ?? atDepth(this.camera, ray, this.motion.pose.distance);
  }

  /** Whether nothing lies between an eye and a place; true before the ray index is ready. */
  private seesFrom(eye: Vector, position: Vector): boolean {
    const origin = new Vector3(...eye);
    const toward = new Vector3(...position).sub(origin);
    const reach = toward.length();
    const hit = this.hitAlong(new Ray(origin, toward.normalize()));
    return !hit || hit.distance >= reach - Math.max(0.005, 0.005 * reach);
  }

  /** The camera, or the cut, moves: the scan is due, its light stand-in until it rests. */
  private moved(): void {
    this.placeCamera();
    this.forgetClick();
    this.setHover(null);
    this.frames.redraw();
  }

  /** At once, not with the next frame: the next event may pick before that. */
  private placeCamera(): void {
    place(this.camera, this.motion.pose, this.shown.box, this.aspect);
  }

  /** At 2 pixels discs of two spacings, which close a surface whose points lie at random. */
  private sizePoints(): void {
    this.passes.diameter = this.pointSize * this.shown.spacing;
    this.passes.surface.limits.value.set(this.pointSize, 30 * this.pointSize);
    this.passes.surface.limits.value.multiplyScalar(this.ratio);
  }

  /** Balls at the clicked vertices that are neither cut off nor hidden. */
  private placeBalls(): void {
    const centers = this.balls
      .filter((vertex) => this.shows(vertex))
      .map((vertex) => positionOf(this.shown, vertex));
    this.passes.setBalls(Float32Array.from(centers.flat()));
    this.frames.repaint();
  }

  private showHeld(): void {
    this.passes.showLayer(this.held !== "original");
  }

  private pictureKind(): PictureKind {
    const painted = this.held === null && !this.layered;
    return {
      PAINT: painted,
      SPREAD: painted && this.palette.spread > 0,
      PASTEL: this.held === "segments",
      HOVER: this.hovered !== null,
      MARK: this.passes.picture.mark.value >= 0,
    };
  }

  private toDraw(): View {
    const { camera, palette } = this;
    // A cloud's discs reach beyond the box of their centres.
    const margin = this.shown.cloud ? 2 + this.passes.surface.limits.value.y / 2 : 2;
    return {
      camera,
      cut: this.filter.cut,
      kind: this.pictureKind(),
      palette,
      boxes: this.shown.boxes,
      margin,
      moving: this.motion.moving,
    };
  }

  /** Draw finer from now on. */
  private sharpen(): void {
    if (this.sharp) return;
    this.sharp = true;
    setTimeout(() => {
      this.resize();
    });
  }

  private resize(): void {
    const width = Math.round(this.size.width * this.ratio);
    const height = Math.round(this.size.height * this.ratio);
    if (width === this.passes.width && height === this.passes.height) return;
    this.passes.resize(width, height, this.ratio);
    this.sizePoints();
    this.frames.remeasure();
    this.motion.nudge();
    // The canvas is blank from now on; waiting for the next frame would show that.
    this.frames.drawNow();
  }

  /** Follow the pointer, the canvas's size and the WebGL context until disposed of. */
  private watch(): void {
    const { canvas, control } = this;
    const { signal } = control;
    const observer = new ResizeObserver(() => {
      this.resize();
    });
    observer.observe(canvas);
    const listening = listen(canvas, this.gestures());
    this.forgetClick = () => {
      listening.forget();
    };
    signal.addEventListener("abort", () => {
      observer.disconnect();
      listening.stop();
    });
    const lost = (): void => {
      this.events.lost?.();
    };
    const restored = (): void => {
      this.frames.remeasure();
      this.frames.redraw();
      this.events.restored?.();
    };
    canvas.addEventListener("webglcontextlost", lost, { signal });
    canvas.addEventListener("webglcontextrestored", restored, { signal });
  }
}
