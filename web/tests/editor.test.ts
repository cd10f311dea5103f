import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Activity } from "../src/activity";
import type { Preview } from "../src/api";
import { Guide } from "../src/guide";
import { Live } from "../src/live";
import type {
  DoubtfulClick,
  ImportedClick,
  PreviewRequest,
  SceneSummary,
  Status,
  Suggestion,
} from "../src/protocol";
import { duration, savingWords } from "../src/ui/format";
import { keyOf } from "../src/ui/keys";
import { nextOpen, nextReview } from "../src/ui/scenes";

describe("active time", () => {
  it("counts a pause as at most the idle time", () => {
    const activity = new Activity(30_000, 0);
    activity.touch(10_000);
    activity.touch(100_000);
    expect(activity.take(105_000)).toBe(45_000);
    expect(activity.take(106_000)).toBe(1000);
  });

  it("never runs backwards, and looking does not change it", () => {
    const activity = new Activity(30_000, 1000);
    activity.touch(500);
    expect(activity.peek(2500)).toBe(activity.peek(2500));
    expect(activity.take(2500)).toBe(2000);
  });
});

describe("live propagation", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const doubt = (click: ImportedClick): DoubtfulClick => ({ ...click, reason: "looks odd" });
  const answer = (request: PreviewRequest): Preview => ({
    method: request.method ?? "walk",
    milliseconds: 1,
    suggestions: [],
    doubtful: request.doubts === true ? request.clicks.slice(0, 1).map(doubt) : [],
    instance: Int32Array.of(request.clicks.length),
    confidence: Uint8Array.of(255),
  });
  const clicks = (n: number): PreviewRequest["clicks"] =>
    Array.from({ length: n }, (_, i) => ({ vertex: i, segment: i, instance: i, semantic: 1 }));

  it("has one request in flight, and the newest wins", async () => {
    const asked: number[] = [];
    const ask = (request: PreviewRequest): Promise<Preview> => {
      asked.push(request.clicks.length);
      return new Promise((resolve) =>
        setTimeout(() => {
          resolve(answer(request));
        }, 50),
      );
    };
    const live = new Live(ask, "walk", () => undefined);
    for (const n of [1, 2, 3, 4]) live.update(clicks(n), []);
    await vi.advanceTimersByTimeAsync(200);
    expect(asked).toEqual([1, 4]);
    expect(live.latest?.instance[0]).toBe(4);
  });

  it("refines by the network after a pause, and not in between", async () => {
    const asked: string[] = [];
    const ask = (request: PreviewRequest): Promise<Preview> => {
      asked.push(`${request.method} ${request.clicks.length}`);
      return Promise.resolve(answer(request));
    };
    const live = new Live(ask, "network", () => undefined);
    live.update(clicks(1), []);
    await vi.advanceTimersByTimeAsync(200);
    live.update(clicks(2), []);
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toEqual(["walk 1", "walk 2", "network 2"]);
    live.close();
  });

  it("asks for doubts after a pause, and keeps those of clicks that stay", async () => {
    const asked: string[] = [];
    const ask = (request: PreviewRequest): Promise<Preview> => {
      asked.push(`${request.method} ${request.clicks.length} ${request.doubts}`);
      return Promise.resolve(answer(request));
    };
    const live = new Live(ask, "assign", () => undefined);
    live.update(clicks(2), []);
    await vi.advanceTimersByTimeAsync(200);
    expect(live.latest?.doubtful).toEqual([]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(live.latest?.doubtful.map((click) => click.vertex)).toEqual([0]);
    live.update(clicks(3), []);
    await vi.advanceTimersByTimeAsync(100);
    expect(live.latest?.doubtful.map((click) => click.vertex)).toEqual([0]);
    live.update(clicks(3).slice(1), []);
    await vi.advanceTimersByTimeAsync(100);
    expect(live.latest?.doubtful).toEqual([]);
    expect(asked).toEqual([
      "assign 2 false",
      "assign 2 true",
      "assign 3 false",
      "assign 2 false",
    ]);
    live.close();
  });

  it("asks anew, by the other method alone, once another is chosen", async () => {
    const asked: string[] = [];
    const ask = (request: PreviewRequest): Promise<Preview> => {
      asked.push(`${request.method} ${request.doubts}`);
      return Promise.resolve(answer(request));
    };
    const live = new Live(ask, "assign", () => undefined);
    live.update(clicks(1), []);
    await vi.advanceTimersByTimeAsync(100);
    live.setMethod("walk");
    live.update(clicks(1), []);
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toEqual(["assign false", "walk false"]);
    expect(live.latest?.doubtful).toEqual([]);
    live.close();
  });

  it("tells an error and goes on", async () => {
    let fail = true;
    const ask = (request: PreviewRequest): Promise<Preview> =>
      fail ? Promise.reject(new Error("no memory")) : Promise.resolve(answer(request));
    const live = new Live(ask, "walk", () => undefined);
    live.update(clicks(1), []);
    await vi.advanceTimersByTimeAsync(0);
    expect(live.error).toBe("no memory");
    fail = false;
    live.update(clicks(1), []);
    await vi.advanceTimersByTimeAsync(0);
    expect(live.error).toBeNull();
  });
});

describe("the next click", () => {
  const at = (segment: number): Suggestion => ({ vertex: segment, segment, gain: 0.1, reason: "" });
  const all = [at(1), at(2), at(3)];
  const none = (): boolean => false;

  it("passes over what was declined, and comes back to it", () => {
    const guide = new Guide();
    expect([1, 2, 3, null]).toEqual([0, 1, 2, 3].map(() => guide.next(all, none)?.segment ?? null));
    expect(guide.passedOver()).toEqual([1, 2, 3]);
    expect(guide.previous()?.segment).toBe(3);
    expect(guide.previous()?.segment).toBe(2);
    expect(guide.passedOver()).toEqual([1]);
    expect(guide.next(all, none)?.segment).toBe(3);
  });

  it("does not decline what was clicked", () => {
    const guide = new Guide();
    guide.next(all, none);
    expect(guide.next(all, (segment) => segment === 1)?.segment).toBe(2);
    expect(guide.passedOver()).toEqual([]);
  });

  it("has nothing before the first", () => {
    const guide = new Guide();
    expect(guide.previous()).toBeNull();
    guide.next(all, none);
    expect(guide.previous()).toBeNull();
  });
});

describe("the next scene", () => {
  const scene = (name: string, status: Status | null): SceneSummary => ({
    scene: name,
    instances: null,
    tracks:
      status === null
        ? []
        : [
            {
              annotator: "ada",
              status,
              head: 1,
              instances: 0,
              clicks: 0,
              active_seconds: 0,
              holder: null,
              review: "",
            },
          ],
  });
  const scenes = [
    scene("a", "submitted"),
    scene("b", null),
    scene("c", "accepted"),
    scene("d", "sent back"),
  ];

  it("is the next with work left, round the list", () => {
    expect(nextOpen(scenes, "ada")).toBe("b");
    expect(nextOpen(scenes, "ada", "b")).toBe("d");
    expect(nextOpen(scenes, "ada", "d")).toBe("b");
    expect(nextOpen([scene("a", "submitted")], "ada")).toBeNull();
    expect(nextOpen(scenes, "eve", "d")).toBe("a");
  });

  it("to review is another's submitted track", () => {
    expect(nextReview(scenes, "eve")).toBe("#/scene/a/ada");
    expect(nextReview(scenes, "ada")).toBeNull();
  });
});

describe("words", () => {
  it("for times", () => {
    expect([9.4, 75, 3600, 7500].map(duration)).toEqual([
      "9 s",
      "1.3 min",
      "1 h 00 min",
      "2 h 05 min",
    ]);
  });

  it("for saving", () => {
    expect(savingWords({ kind: "offline" }, 3).text).toBe("offline: 3 kept here");
    expect(savingWords({ kind: "saving" }, 2).text).toBe("saving 2");
    expect(savingWords({ kind: "saved" }, 0).text).toBe("saved");
  });

  it("for keys", () => {
    const key = (text: string, mods = {}): string =>
      keyOf({
        key: text,
        shiftKey: false,
        ctrlKey: false,
        altKey: false,
        metaKey: false,
        ...mods,
      } as KeyboardEvent);
    expect(key("n")).toBe("N");
    expect(key("N", { shiftKey: true })).toBe("Shift+N");
    expect(key("?", { shiftKey: true })).toBe("?");
    expect(key(" ")).toBe("Space");
    expect(key("z", { metaKey: true, shiftKey: true })).toBe("Ctrl+Shift+Z");
    expect(key("ArrowUp", { shiftKey: true })).toBe("Shift+ArrowUp");
  });
});
