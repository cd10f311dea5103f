import { describe, expect, it } from "vitest";
import { plain, search, slots, used } from "../src/classes";
import type { Recent } from "../src/classes";
import type { ClassItem } from "../src/protocol";

const list = (...names: (string | [string, ...string[]])[]): ClassItem[] =>
  names.map((entry, i) => {
    const [name, ...synonyms] = typeof entry === "string" ? [entry] : entry;
    return { id: i + 1, name, color: [0, 0, 0], synonyms };
  });
const classes = list(
  "wall",
  "floor",
  ["cabinet", "kitchen cabinet", "cupboard"],
  ["chair", "office chair", "armchair"],
  ["sofa", "couch"],
  "table",
  "shower curtain",
  "curtain",
  "night stand",
  ["television", "tv"],
  "bed",
);
const names = (query: string, recents: number[] = []): string[] =>
  search(classes, query, recents).map(({ item }) => item.name);

describe("the search", () => {
  it("shows all classes for an empty query, recents first", () => {
    expect(names("")).toHaveLength(classes.length);
    expect(names("", [6, 4]).slice(0, 3)).toEqual(["table", "chair", "wall"]);
  });

  it("finds a class by its synonym and says so", () => {
    expect(search(classes, "couch", [])[0]).toMatchObject({ item: { name: "sofa" }, by: "couch" });
    expect(names("TV")[0]).toBe("television");
  });

  it("puts the whole name before a beginning, a word, and a part", () => {
    expect(names("curtain").slice(0, 2)).toEqual(["curtain", "shower curtain"]);
    expect(names("c").slice(0, 3)).toEqual(["cabinet", "chair", "curtain"]);
    expect(names("ta")[0]).toBe("table");
  });

  it("finds letters in order", () => {
    expect(names("nstd")).toEqual(["night stand"]);
    expect(names("shcur")[0]).toBe("shower curtain");
  });

  it("finds a class by every one of its names, first for an exact one", () => {
    for (const item of classes) {
      for (const name of [item.name, ...item.synonyms]) {
        expect(names(name.toUpperCase())).toContain(item.name);
      }
      expect(names(item.name)[0]).toBe(item.name);
    }
  });

  it("takes any text", () => {
    for (const query of ["(", "  ", "\\", "ß", "a".repeat(500), "💺"])
      expect(() => names(query)).not.toThrow();
    expect(plain("  Café-Table_2 ")).toBe("cafe table 2");
  });
});

describe("the digits' slots", () => {
  const ids = (recents: Recent[]): number[] => recents.map(({ id }) => id);
  const after = (...uses: number[]): number[] => ids(uses.reduce(used, slots(classes, [])));

  it("hold the first classes at first, and keep their places", () => {
    expect(after()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(after(4, 6, 4, 9, 6)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("give the slot unused for longest to a new class", () => {
    expect(after(9, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 10, 9]);
    expect(after(1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 10)).toEqual([1, 10, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("forget classes that the list no longer has", () => {
    expect(
      ids(
        slots(classes.slice(0, 3), [
          { id: 11, use: 4 },
          { id: 2, use: 5 },
        ]),
      ),
    ).toEqual([2, 1, 3]);
  });
});
