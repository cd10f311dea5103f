import { beforeAll, describe, expect, it } from "vitest";
import { draftStore, tracksWithDrafts } from "../src/drafts";
import type { Draft } from "../src/protocol";

/** Node has no localStorage: the methods, on an object whose own keys are the stored ones. */
class Storage {
  getItem(key: string): string | null {
    return (this as unknown as Record<string, string | undefined>)[key] ?? null;
  }
  setItem(key: string, value: string): void {
    (this as unknown as Record<string, string>)[key] = value;
  }
  removeItem(key: string): void {
    Reflect.deleteProperty(this, key);
  }
}

const draft = (id: string): Draft => ({ id, at: 1, active_ms: 1, operation: { kind: "undo" } });

describe("drafts where IndexedDB is missing", () => {
  beforeAll(() => {
    Object.assign(globalThis, { localStorage: new Storage() });
  });

  it("come back in their order, to their own track", async () => {
    const store = draftStore("db", "scene/1", "ada");
    const ids = Array.from({ length: 30 }, (_, i) => `draft-${(i * 7) % 30}`);
    for (const id of ids) store.put([draft(id)]);
    draftStore("db", "scene/1", "bob").put([draft("other")]);
    const again = await draftStore("db", "scene/1", "ada").load();
    expect(again.drafts.map(({ id }) => id)).toEqual(ids);
    expect(await tracksWithDrafts("db")).toEqual([
      ["scene/1", "ada"],
      ["scene/1", "bob"],
    ]);
    expect(await tracksWithDrafts("another")).toEqual([]);
  });

  it("keep their place when they are changed, and go when they are sent", async () => {
    const store = draftStore("db", "scene/2", "ada");
    store.put([draft("a"), draft("b"), draft("c")]);
    store.put([{ ...draft("a"), operation: { kind: "redo" } }]);
    store.remove(["b"]);
    const { drafts } = await store.load();
    expect(drafts.map(({ id, operation }) => [id, operation.kind])).toEqual([
      ["a", "redo"],
      ["c", "undo"],
    ]);
  });

  it("are shown as refused until they are dismissed", async () => {
    const store = draftStore("db", "scene/3", "ada");
    store.put([draft("x")]);
    store.refuse({ draft: draft("x"), reason: "no such segment" });
    const kept = await store.load();
    expect(kept.drafts).toEqual([]);
    expect(kept.refused.map(({ reason }) => reason)).toEqual(["no such segment"]);
    expect((await tracksWithDrafts("db")).map(([scene]) => scene)).not.toContain("scene/3");
    store.remove(["x"]);
    expect((await store.load()).refused).toEqual([]);
  });
});
