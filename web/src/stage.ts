/** The one canvas and viewer of the page: scenes come and go on it. */
import type { ScanGeometry } from "./geometry";
import { Viewer } from "./viewer";
import type { Pick, ViewerEvents } from "./viewer";
import type { Keys } from "./rules";

export interface Stage {
  readonly canvas: HTMLCanvasElement;
  readonly viewer: Viewer;
  /** Who hears the canvas now. */
  listener: Required<ViewerEvents>;
}

const deaf: Required<ViewerEvents> = {
  hover: () => undefined,
  click: () => undefined,
  pivot: () => undefined,
  indexed: () => undefined,
  lost: () => undefined,
  restored: () => undefined,
};
let made: Stage | undefined;

/** The stage, made when it is first needed. Throws `NoWebGL`. */
export function stage(): Stage {
  if (made !== undefined) return made;
  const canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.className = "canvas";
  canvas.dataset.part = "canvas";
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "The scan. Arrow keys turn it, Enter clicks at the centre.");
  const viewer = new Viewer(canvas, {
    hover(pick: Pick | null) {
      made?.listener.hover(pick);
    },
    click(pick: Pick, keys: Keys) {
      made?.listener.click(pick, keys);
    },
    pivot(pick: Pick) {
      made?.listener.pivot(pick);
    },
    indexed() {
      made?.listener.indexed();
    },
    lost() {
      made?.listener.lost();
    },
    restored() {
      made?.listener.restored();
    },
  });
  made = { canvas, viewer, listener: deaf };
  return made;
}

/** Nobody hears the canvas, and the scan's memory is given back. */
export function clearStage(): void {
  if (made === undefined) return;
  made.listener = deaf;
  made.viewer.load(NOTHING);
  made.canvas.remove();
}

const NOTHING: ScanGeometry = {
  positions: new Float32Array(0),
  colors: new Uint8Array(0),
  faces: new Uint32Array(0),
  normals: null,
  segments: new Uint32Array(0),
  segmentIds: new Int32Array(0),
};
