import { beforeEach, expect, it } from "vitest";
import { type GestureEvents, listen, type Listening } from "../src/pointer";

/** A canvas that takes events and nothing else. */
class Canvas extends EventTarget {
  readonly style = { touchAction: "" };
  setPointerCapture(): void {
    // A real canvas would now get the pointer's events from everywhere.
  }
}

let canvas = new Canvas();
let calls: string[] = [];
let listening: Listening;

beforeEach(() => {
  canvas = new Canvas();
  calls = [];
  const note =
    (name: string) =>
    (...values: unknown[]): void => {
      calls.push([name, ...values.map((value) => JSON.stringify(value))].join(" "));
    };
  const events: GestureEvents = {
    orbit: note("orbit"),
    pan: note("pan"),
    zoom: note("zoom"),
    hover: note("hover"),
    click: note("click"),
    double: note("double"),
    drag: note("drag"),
  };
  listening = listen(canvas as unknown as HTMLCanvasElement, events);
});

function send(type: string, x: number, y: number, more: Record<string, unknown> = {}): Event {
  const event = new Event(type, { cancelable: true });
  const fields = { offsetX: x, offsetY: y, pointerId: 1, pointerType: "mouse", button: 0, ...more };
  for (const [name, value] of Object.entries({ ctrlKey: false, timeStamp: 0, ...fields })) {
    Object.defineProperty(event, name, { value });
  }
  canvas.dispatchEvent(event);
  return event;
}

function press(x: number, y: number, time: number, more: Record<string, unknown> = {}): void {
  send("pointerdown", x, y, { timeStamp: time, ...more });
  send("pointerup", x, y, { timeStamp: time + 40, ...more });
}

it("a press that moves 4 px is a click where it began, one that moves 5 px is a drag", () => {
  send("pointerdown", 50, 50);
  send("pointermove", 54, 50);
  send("pointerup", 54, 50);
  expect(calls.map((call) => call.slice(0, 25))).toEqual(['click {"x":50,"y":50} {}']);
  calls = [];
  send("pointerdown", 50, 50, { timeStamp: 5000 });
  send("pointermove", 55, 50);
  send("pointermove", 58, 49);
  send("pointerup", 58, 49);
  expect(calls).toEqual(["drag true", "orbit 5 0", "orbit 3 -1", "drag false"]);
});

it("a drag that comes back to where it began stays a drag", () => {
  send("pointerdown", 50, 50);
  send("pointermove", 80, 50);
  send("pointermove", 50, 50);
  send("pointerup", 50, 50);
  expect(calls.some((call) => call.startsWith("click"))).toBe(false);
});

it.each([1, 2])("button %d pans and never clicks", (button) => {
  send("pointerdown", 50, 50, { button });
  send("pointermove", 60, 55, { button });
  send("pointerup", 60, 55, { button });
  press(10, 10, 1000, { button });
  expect(calls).toEqual(["drag true", "pan 10 5", "drag false"]);
});

it("clicks with keys held are never a double click", () => {
  press(50, 50, 0, { shiftKey: true });
  press(50, 50, 100, { altKey: true });
  press(50, 50, 200);
  press(50, 50, 300, { shiftKey: true });
  expect(calls.map((call) => call.split(" ")[0])).toEqual(["click", "click", "click", "click"]);
});

it("a click after the camera has moved is no second click", () => {
  press(50, 50, 0);
  listening.forget();
  press(50, 50, 200);
  expect(calls.map((call) => call.split(" ")[0])).toEqual(["click", "click"]);
});

it("the second of two quick clicks is a double click, the third a click", () => {
  for (const time of [0, 200, 400]) press(30, 30, time);
  press(30, 30, 3000);
  press(60, 30, 3100);
  expect(calls.map((call) => call.split(" ")[0])).toEqual([
    ...["click", "double", "click"],
    ...["click", "click"],
  ]);
});

it("keys come with the click; the Command key counts as Ctrl", () => {
  press(5, 5, 0, { shiftKey: true, altKey: false, metaKey: true });
  expect(calls).toEqual(['click {"x":5,"y":5} {"shift":true,"alt":false,"ctrl":true}']);
});

it("moves without a button hover, and leaving ends that; fingers do not hover", () => {
  send("pointermove", 7, 8);
  send("pointermove", 9, 9, { pointerType: "touch" });
  send("pointerleave", 0, 0);
  expect(calls).toEqual(['hover {"x":7,"y":8}', "hover null"]);
});

it("two fingers pan and zoom, and do not click", () => {
  send("pointerdown", 100, 100, { pointerId: 1, pointerType: "touch" });
  send("pointerdown", 200, 100, { pointerId: 2, pointerType: "touch" });
  send("pointermove", 300, 100, { pointerId: 2, pointerType: "touch" });
  send("pointerup", 100, 100, { pointerId: 1, pointerType: "touch" });
  send("pointerup", 300, 100, { pointerId: 2, pointerType: "touch" });
  expect(calls).toEqual(["drag true", "pan 50 0", "zoom 0.5 200 100", "drag false"]);
});

it("the wheel zooms within bounds and is kept from the page", () => {
  const pixel = { deltaMode: 0, deltaY: -100 };
  expect(send("wheel", 10, 20, pixel).defaultPrevented).toBe(true);
  send("wheel", 10, 20, { deltaMode: 1, deltaY: 1e6 });
  const [near, far] = calls.map((call) => Number(call.split(" ")[1]));
  expect(near).toBeLessThan(1);
  expect(far).toBeCloseTo(Math.exp(0.5));
  expect(send("contextmenu", 1, 1).defaultPrevented).toBe(true);
});

it("a cancelled press does nothing, and nothing is heard after the end", () => {
  send("pointerdown", 5, 5);
  send("pointercancel", 5, 5);
  expect(calls).toEqual([]);
  listening.stop();
  press(5, 5, 9000);
  expect(calls).toEqual([]);
});
