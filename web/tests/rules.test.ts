import { describe, expect, it } from "vitest";
import { owners, replay } from "../src/annotation";
import { decide } from "../src/rules";
import type { Decision, Situation } from "../src/rules";
import { indexTruth, majority, partWords, percent } from "../src/truth";
import type { Operation } from "../src/protocol";
import { entries } from "./logs";

const NONE = { shift: false, alt: false, ctrl: false };
const click = (segment: number, instance: number, semantic = 5): Operation => ({
  kind: "click",
  vertex: 10 * segment,
  segment,
  instance,
  semantic,
});

/** The situation after operations. */
function after(operations: Operation[], changes: Partial<Situation> = {}): Situation {
  const { instances } = replay(entries(operations));
  const label = (n: number): string => `chair ${n}`;
  const plain = {
    mode: "scratch" as const,
    current: null,
    semantic: 5,
    next: operations.length,
    truth: null,
  };
  return { ...plain, instances, owner: owners(instances), label, ...changes };
}
const operation = (decision: Decision): Operation | null =>
  decision.kind === "do" ? decision.operation : null;
const text = (decision: Decision): string => ("text" in decision ? (decision.text ?? "") : "");

describe("from scratch", () => {
  it("makes an instance of the class with one click, and another with the next", () => {
    expect(decide(after([]), 10, 1, NONE)).toEqual({
      kind: "do",
      operation: click(1, 0),
      current: 0,
    });
    expect(operation(decide(after([click(1, 0)], { current: 0 }), 20, 2, NONE))).toEqual(
      click(2, 1),
    );
  });

  it("asks for a class where none is chosen", () => {
    expect(decide(after([], { semantic: null }), 10, 1, NONE)).toEqual({ kind: "choose class" });
  });

  it("does not write over a segment, but says whose it is and what can be done", () => {
    const said = decide(after([click(1, 0)]), 11, 1, NONE);
    expect(said.kind).toBe("say");
    expect(text(said)).toMatch(/chair 0.*Ctrl\+click.*Alt\+click/);
  });

  it("adds a segment with Shift, of the instance's class", () => {
    const now = after([click(1, 0, 7)], { current: 0 });
    expect(operation(decide(now, 20, 2, { ...NONE, shift: true }))).toEqual(click(2, 0, 7));
    expect(decide(after([click(1, 0)]), 20, 2, { ...NONE, shift: true }).kind).toBe("say");
  });

  it("takes a segment away with Alt; without its last the instance is not current", () => {
    const now = after([click(1, 0)], { current: 0 });
    const done = decide(now, 10, 1, { ...NONE, alt: true });
    expect(done).toMatchObject({
      kind: "do",
      operation: { kind: "unclick", segment: 1 },
      current: null,
    });
    expect(decide(now, 10, 2, { ...NONE, alt: true }).kind).toBe("say");
  });

  it("picks up with Ctrl, in every mode, and changes nothing", () => {
    for (const mode of ["scratch", "truth", "results"] as const) {
      const now = after([click(1, 0)], { mode });
      expect(decide(now, 10, 1, { ...NONE, ctrl: true })).toMatchObject({
        kind: "pick up",
        current: 0,
      });
    }
  });

  it("does nothing in results", () => {
    for (const keys of [NONE, { ...NONE, shift: true }, { ...NONE, alt: true }]) {
      expect(decide(after([click(1, 0)], { mode: "results" }), 10, 1, keys).kind).toBe("say");
    }
  });
});

describe("with truth", () => {
  // Instance 4 (class 9) in two parts of segments 1, 2 and 3; instance 6 (class 3) of segment 5.
  const truth = indexTruth(
    {
      instances: [
        {
          instance: 4,
          semantic: 9,
          vertices: 180,
          largest: 100,
          parts: [
            { segments: [1, 2], vertices: 120 },
            { segments: [3], vertices: 60 },
          ],
        },
        {
          instance: 6,
          semantic: 3,
          vertices: 50,
          largest: 50,
          parts: [{ segments: [5], vertices: 50 }],
        },
      ],
    },
    new Map([
      [1, 100],
      [2, 20],
      [3, 60],
      [5, 50],
      [8, 4],
    ]),
    new Map([
      [8, 6],
      [9, 77],
    ]),
  );
  const at = (operations: Operation[], changes: Partial<Situation> = {}): Situation =>
    after(operations, { mode: "truth", semantic: null, truth, ...changes });

  it("takes class and number from the truth, and measures the click", () => {
    const done = decide(at([]), 30, 3, NONE);
    expect(operation(done)).toEqual(click(3, 4, 9));
    expect(text(done)).toBe(
      "Clicked segment is 60 % of the instance's largest; 1 of 2 parts still lacks a click.",
    );
  });

  it("adds a click in a part that lacks one, and none where one is", () => {
    const now = at([click(3, 4, 9)], { current: 4 });
    expect(operation(decide(now, 20, 2, NONE))).toEqual(click(2, 4, 9));
    const full = at([click(3, 4, 9), click(2, 4, 9)], { current: 4 });
    expect(decide(full, 10, 1, NONE).kind).toBe("say");
  });

  it("takes a free number where the truth's is another instance's", () => {
    const now = at([click(5, 4, 3)], { next: 7 });
    expect(operation(decide(now, 10, 1, NONE))).toMatchObject({ instance: 7, semantic: 9 });
  });

  it("knows small segments that no part lists, and refuses where the truth is silent", () => {
    expect(operation(decide(at([]), 80, 8, NONE))).toMatchObject({ instance: 6, semantic: 3 });
    expect(decide(at([]), 90, 9, NONE).kind).toBe("say");
    expect(decide(at([]), 90, 99, NONE).kind).toBe("say");
  });

  it("finds what most of a segment's vertices have", () => {
    const most = majority(
      Uint32Array.of(0, 0, 0, 1, 1, 2),
      Int32Array.of(7, 8, 9),
      Int32Array.of(3, 3, 1, 5, 4, -1),
    );
    expect([...most]).toEqual([
      [7, 3],
      [8, 4],
    ]);
  });

  it("says shares without lying", () => {
    expect([0, 0.004, 0.63, 0.996, 1].map(percent)).toEqual([
      "0 %",
      "<1 %",
      "63 %",
      "99 %",
      "100 %",
    ]);
    expect(partWords({ share: 1, parts: 2, lacking: 0 })).toContain("each of its 2 parts");
  });
});
