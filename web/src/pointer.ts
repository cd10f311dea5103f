/**
 * Mouse, pen and touch on the canvas, as moves of the camera and picks.
 *
 * Left drag or one finger orbits; right or middle drag, or two fingers, pan; the wheel and a pinch
 * zoom to where they are. A press that moves at most 4 px is a click. All places are CSS pixels
 * relative to the canvas.
 */

export interface Keys {
  readonly shift: boolean;
  readonly alt: boolean;
  readonly ctrl: boolean;
}

export interface GestureEvents {
  orbit(dx: number, dy: number): void;
  pan(dx: number, dy: number): void;
  /** A factor below 1 comes nearer. */
  zoom(factor: number, x: number, y: number): void;
  /** The pointer rests or moves over the canvas with no button down; null when it leaves. */
  hover(place: Place | null): void;
  click(place: Place, keys: Keys): void;
  /** The second click of a double click; its first was a click. */
  double(place: Place): void;
  /** A drag begins and ends; of two fingers, with the first and the last. */
  drag(on: boolean): void;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

/** A press that moves farther is a drag, CSS pixels. */
export const SLACK = 4;

/** Two clicks without keys within this time (ms) and SLACK make a double click. */
const DOUBLE = 350;

interface Press {
  readonly start: Place;
  last: Place;
  readonly button: number;
  dragging: boolean;
}

export interface Listening {
  stop(): void;
  /** Something else is under the pointer now: the next click is not the second of a double one. */
  forget(): void;
}

/** Listen on the canvas. */
export function listen(canvas: HTMLCanvasElement, events: GestureEvents): Listening {
  const presses = new Map<number, Press>();
  let clicked = { x: 0, y: 0, time: -Infinity };

  const begin = (press: Press): void => {
    const first = ![...presses.values()].some((one) => one.dragging);
    press.dragging = true;
    if (first) events.drag(true);
  };

  const down = (event: PointerEvent): void => {
    canvas.setPointerCapture(event.pointerId);
    const place = placeOf(event);
    presses.set(event.pointerId, {
      start: place,
      last: place,
      button: event.button,
      dragging: false,
    });
    if (presses.size > 1) for (const press of presses.values()) begin(press);
  };

  const move = (event: PointerEvent): void => {
    const place = placeOf(event);
    const press = presses.get(event.pointerId);
    if (!press) {
      if (event.pointerType !== "touch") events.hover(place);
      return;
    }
    if (!press.dragging && distance(press.start, place) <= SLACK) return;
    begin(press);
    const other = [...presses.values()].find((candidate) => candidate !== press);
    if (other) pinch(events, press.last, place, other.last);
    else drag(events, press, place);
    press.last = place;
  };

  const up = (event: PointerEvent): void => {
    const press = presses.get(event.pointerId);
    if (!press) return;
    presses.delete(event.pointerId);
    if (press.dragging) {
      if (presses.size === 0) events.drag(false);
    } else if (press.button === 0 && event.type === "pointerup") {
      release(event, press.start);
    }
  };

  const release = (event: PointerEvent, place: Place): void => {
    const keys = keysOf(event);
    const plain = !keys.shift && !keys.alt && !keys.ctrl; // with keys, each click has its own sense
    const soon = event.timeStamp - clicked.time <= DOUBLE && distance(clicked, place) <= SLACK;
    const double = plain && soon;
    clicked = { ...place, time: plain && !double ? event.timeStamp : -Infinity };
    if (double) events.double(place);
    else events.click(place, keys);
  };

  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const lines = event.deltaMode === 0 ? 1 : 18;
    // A trackpad's pinch comes as a wheel with Ctrl and small steps.
    const rate = event.ctrlKey ? 0.01 : 0.0016;
    const step = Math.min(0.5, Math.max(-0.5, event.deltaY * lines * rate));
    events.zoom(Math.exp(step), event.offsetX, event.offsetY);
  };

  const leave = (): void => {
    events.hover(null);
  };
  const stop = (event: Event): void => {
    event.preventDefault();
  };

  const control = new AbortController();
  const { signal } = control;
  canvas.style.touchAction = "none";
  canvas.addEventListener("pointerdown", down, { signal });
  canvas.addEventListener("pointermove", move, { signal });
  canvas.addEventListener("pointerup", up, { signal });
  canvas.addEventListener("pointercancel", up, { signal });
  canvas.addEventListener("pointerleave", leave, { signal });
  canvas.addEventListener("wheel", wheel, { signal, passive: false });
  canvas.addEventListener("contextmenu", stop, { signal });
  return {
    stop() {
      control.abort();
    },
    forget() {
      clicked.time = -Infinity;
    },
  };
}

function drag(events: GestureEvents, press: Press, place: Place): void {
  const [dx, dy] = [place.x - press.last.x, place.y - press.last.y];
  if (press.button === 0) events.orbit(dx, dy);
  else events.pan(dx, dy);
}

/** Two fingers, of which one moved: pan by half its way and zoom about the middle. */
function pinch(events: GestureEvents, from: Place, to: Place, other: Place): void {
  events.pan((to.x - from.x) / 2, (to.y - from.y) / 2);
  const factor = distance(from, other) / Math.max(1, distance(to, other));
  events.zoom(factor, (to.x + other.x) / 2, (to.y + other.y) / 2);
}

function placeOf(event: MouseEvent): Place {
  return { x: event.offsetX, y: event.offsetY };
}

function keysOf(event: PointerEvent): Keys {
  return { shift: event.shiftKey, alt: event.altKey, ctrl: event.ctrlKey || event.metaKey };
}

function distance(a: Place, b: Place): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
