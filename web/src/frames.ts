/**
 * When to draw, and how much of it: a frame only after a change, the scan only after a move, the
 * picture only where it changed.
 */

import type { PerspectiveCamera } from "three";
import type { PictureKind } from "./materials";
import type { Palette } from "./palette";
import type { Passes } from "./passes";
import { rectangleOf } from "./screen";

/** A scan whose whole surface takes longer (ms) is stood in for while the camera moves. */
const SLOW = 40;

/** A machine that draws a whole frame within this time (ms) can draw finer. */
const QUICK = 6;

/** More changed segments than this are not gone through for the rectangle they cover. */
const MANY = 64;

/** What is to be drawn. */
export interface View {
  readonly camera: PerspectiveCamera;
  readonly cut: number | null;
  readonly kind: PictureKind;
  readonly palette: Palette;
  /** Boxes of the segments (see segmentBoxes), and how far their pixels reach beyond. */
  readonly boxes: Float32Array;
  readonly margin: number;
  readonly moving: boolean;
}

export interface FrameEvents {
  /** Before a frame at this time (ms); a flight moves on here. */
  before(now: number): void;
  view(): View;
  /** The machine draws whole frames quickly. */
  quick(): void;
}

export class Frames {
  /** What the whole surface took to draw when last timed, ms. */
  surfaceMs = 0;
  lastFrameMs = 0;
  /** Whether the light stand-in is what the canvas shows. */
  standIn = false;
  private request = 0;
  private staleSurface = true;
  private stalePicture: "all" | Set<number> = "all";
  private timed = 0;

  constructor(
    private readonly passes: Passes,
    private readonly events: FrameEvents,
  ) {}

  /** The scan must be drawn anew. */
  redraw(): void {
    this.staleSurface = true;
    this.repaint();
  }

  /** The whole picture must be made anew. */
  repaint(): void {
    this.stalePicture = "all";
    this.ask();
  }

  /** The picture must be made anew where these segments are. */
  touch(segments: readonly (number | null)[]): void {
    for (const segment of segments) this.add(segment);
    this.ask();
  }

  /** Ask for a frame. */
  ask(): void {
    if (this.request !== 0) return;
    this.request = requestAnimationFrame((now) => {
      this.request = 0;
      this.draw(now);
    });
  }

  /** Draw now what is due, without waiting for the screen's next frame. */
  drawNow(): void {
    cancelAnimationFrame(this.request);
    this.request = 0;
    this.draw(performance.now());
  }

  /** Time the next whole surfaces: the scan, the size or the context has changed. */
  remeasure(): void {
    this.timed = 0;
  }

  dispose(): void {
    cancelAnimationFrame(this.request);
  }

  private draw(now: number): void {
    const start = performance.now();
    this.events.before(now);
    const view = this.events.view();
    this.sendPaint(view.palette);
    const timed = this.staleSurface && this.drawSurface(view);
    const within = this.rectangle(view);
    this.staleSurface = false;
    this.stalePicture = new Set();
    if (within === undefined) return;
    this.passes.drawPicture(view.camera, view.kind, within);
    if (timed) this.passes.finish();
    this.lastFrameMs = performance.now() - start;
    if (timed && this.timed > 1 && this.lastFrameMs < QUICK) this.events.quick();
  }

  private sendPaint(palette: Palette): void {
    const painted = palette.drain();
    this.passes.sendTexels(palette, painted);
    if (painted.length > MANY) this.stalePicture = "all";
    else for (const segment of painted) this.add(segment);
  }

  /**
   * Draw the scan. The first two times whole it is timed, as the first one includes the upload;
   * returns whether it was.
   */
  private drawSurface({ camera, cut, moving }: View): boolean {
    this.standIn = moving && this.surfaceMs > SLOW && this.passes.hasProxy;
    const timed = !this.standIn && this.timed < 2;
    const start = performance.now();
    this.passes.drawSurface(camera, cut, this.standIn);
    if (!timed) return false;
    this.passes.finish();
    this.surfaceMs = performance.now() - start;
    this.timed += 1;
    return true;
  }

  /** As rectangleOf; the stand-in's faces reach farther than the boxes tell. */
  private rectangle({ camera, boxes, margin }: View): ReturnType<typeof rectangleOf> {
    if (this.stalePicture === "all" || (this.standIn && this.stalePicture.size > 0)) return null;
    return rectangleOf(camera, this.passes, boxes, this.stalePicture, margin);
  }

  private add(segment: number | null): void {
    if (this.stalePicture !== "all" && segment !== null) this.stalePicture.add(segment);
  }
}
