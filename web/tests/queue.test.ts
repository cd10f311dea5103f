import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { replay } from "../src/annotation";
import { Outbox } from "../src/outbox";
import type { DraftStore } from "../src/outbox";
import { absorb, activeTime, add, gap, nextWrite, openQueue } from "../src/queue";
import type { Refused } from "../src/queue";
import type { Draft, Operation } from "../src/protocol";
import { entries, randomOperations } from "./logs";
import { randomFrom } from "./random";
import { FakeServer } from "./server";

let made = 0;
function draft(operation: Operation): Draft {
  return { id: `draft-${made++}`, at: made, active_ms: 5, operation };
}
function click(segment: number, instance: number): Operation {
  return { kind: "click", vertex: segment, segment, instance, semantic: 1 };
}

/** A store in memory that outlives an outbox, as the browser's does a page. */
class Store implements DraftStore {
  drafts = new Map<string, Draft>();
  refused: Refused[] = [];
  load(): Promise<{ drafts: Draft[]; refused: Refused[] }> {
    return Promise.resolve({ drafts: [...this.drafts.values()], refused: this.refused });
  }
  put(drafts: readonly Draft[]): void {
    for (const one of drafts) this.drafts.set(one.id, one);
  }
  remove(ids: readonly string[]): void {
    for (const id of ids) this.drafts.delete(id);
  }
  refuse(refused: Refused): void {
    this.drafts.delete(refused.draft.id);
    this.refused.push(refused);
  }
}

describe("the queue", () => {
  it("shows the fold of the server's log and the drafts", () => {
    const operations = randomOperations(3, 50);
    let queue = openQueue("ada", entries(operations.slice(0, 20)), [], []);
    for (const operation of operations.slice(20)) queue = add(queue, draft(operation));
    expect(queue.local.instances).toEqual(replay(entries(operations)).instances);
    expect(queue.local.head).toBe(50);
  });

  it("does not add kept drafts that the log already holds", () => {
    const [first, second] = [draft(click(1, 0)), draft(click(2, 1))];
    const server = new FakeServer();
    server.foreign(first);
    const queue = openQueue("ada", server.entries, [first, second], []);
    expect(queue.drafts).toEqual([second]);
  });

  it("sees a gap, and absorbs an entry once", () => {
    const log = entries(randomOperations(4, 6));
    const queue = openQueue("ada", log.slice(0, 2), [], []);
    expect(gap(queue, log.slice(3))).toBe(true);
    expect(gap(queue, log.slice(1))).toBe(false);
    const whole = absorb(queue, log);
    expect(whole.confirmed).toEqual(replay(log));
    expect(absorb(whole, log)).toBe(whole);
  });

  it("renumbers an instance of ours whose number was taken, in all drafts", () => {
    let queue = openQueue("ada", [], [], []);
    for (const operation of [
      click(1, 0),
      click(2, 0),
      { kind: "rename" as const, instance: 0, name: "mine" },
      click(3, 1),
    ]) {
      queue = add(queue, draft(operation));
    }
    const server = new FakeServer();
    server.foreign(draft(click(9, 0)));
    const rebased = absorb(queue, server.entries);
    const numbers = [...rebased.local.instances].map(([n, item]) => [
      n,
      item.name,
      [...item.clicks.keys()],
    ]);
    expect(numbers).toEqual([
      [0, "", [9]],
      [2, "mine", [1, 2]],
      [1, "", [3]],
    ]);
  });

  it("leaves numbers that both knew before, and those after an import", () => {
    let queue = openQueue("ada", entries([click(1, 0)]), [], []);
    queue = add(queue, draft(click(2, 0)));
    queue = add(
      queue,
      draft({
        kind: "import",
        source: "f",
        clicks: [{ vertex: 5, segment: 5, instance: 3, semantic: 1 }],
      }),
    );
    queue = add(queue, draft(click(6, 3)));
    const log = entries([click(1, 0), click(7, 0), click(8, 3)]);
    const rebased = absorb(queue, log.slice(1));
    expect(
      rebased.drafts.map(({ operation }) => ("instance" in operation ? operation.instance : null)),
    ).toEqual([0, null, 3]);
  });

  it("counts active time of entries and drafts once", () => {
    let queue = openQueue("ada", entries([click(1, 0), click(2, 1)]), [], []);
    const mine = draft(click(3, 2));
    queue = add(queue, mine);
    expect(activeTime(queue)).toBe(25);
    queue = absorb(queue, [{ ...mine, seq: 3, author: "ada", received: 0 }]);
    expect(activeTime(queue)).toBe(25);
    expect(nextWrite(queue, "client-1", 10)).toBeNull();
  });
});

describe("the outbox", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const open = async (server: FakeServer, store: Store): Promise<Outbox> =>
    new Outbox(
      "ada",
      (await server.log(0)).entries,
      await store.load(),
      "client-1",
      server,
      store,
      () => undefined,
    );
  const settle = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
  const segments = (server: FakeServer): number[] =>
    server.entries.map(({ operation }) => (operation.kind === "click" ? operation.segment : -1));
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

  it("sends what is pushed, in order, one request at a time", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    for (const i of upTo(30)) outbox.push(click(i, i), 1);
    expect(outbox.queue.local.instances.size).toBe(30);
    await settle(0);
    expect(segments(server)).toEqual(upTo(30));
    expect(server.most).toBe(1);
    expect(outbox.saving.kind).toBe("saved");
    expect(store.drafts.size).toBe(0);
  });

  it("brings 100 operations over a 10-minute outage, once each and in order", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    server.fault = () => "request lost";
    for (const i of upTo(100)) {
      outbox.push(click(i, i), 1);
      await settle(6000);
    }
    expect(outbox.saving.kind).toBe("offline");
    expect(store.drafts.size).toBe(100);
    server.fault = () => null;
    await settle(15_000);
    expect(segments(server)).toEqual(upTo(100));
    expect(outbox.saving.kind).toBe("saved");
    expect(store.drafts.size).toBe(0);
    expect(server.requests).toBeLessThan(60); // it backs off
  });

  it("sends at once when the network is back", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    server.fault = () => "request lost";
    outbox.push(click(0, 0), 1);
    await settle(60_000);
    server.fault = () => null;
    outbox.retry();
    await settle(0);
    expect(server.head).toBe(1);
  });

  it.each(upTo(20))(
    "survives lost requests, lost replies, reloads and others' writes (%i)",
    async (seed) => {
      const next = randomFrom(seed);
      const [server, store] = [new FakeServer(), new Store()];
      server.fault = () => (next() < 0.3 ? "request lost" : next() < 0.4 ? "reply lost" : null);
      let outbox = await open(server, store);
      for (const i of upTo(60)) {
        outbox.push(click(i, i), 1);
        await settle(next() * 3000);
        if (next() < 0.1) server.foreign(draft({ kind: "note", instance: 0, text: `review ${i}` }));
        if (next() < 0.15) {
          outbox.close();
          outbox = await open(server, store);
        }
      }
      server.fault = () => null;
      await settle(60_000);
      await outbox.refresh(); // what another wrote last
      const mine = segments(server).filter((segment) => segment >= 0);
      expect(mine).toEqual(upTo(60));
      expect(new Set(server.entries.map(({ id }) => id)).size).toBe(server.head);
      expect(outbox.queue.confirmed).toEqual(replay(server.entries));
      expect(outbox.queue.local.instances).toEqual(outbox.queue.confirmed.instances);
      expect(store.drafts.size).toBe(0);
    },
  );

  it("puts its drafts on top of what was written meanwhile", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    server.foreign(draft(click(7, 0)));
    outbox.push(click(1, 0), 1);
    await settle(0);
    expect(server.entries.map(({ operation }) => operation)).toEqual([click(7, 0), click(1, 1)]);
    expect([...outbox.queue.local.instances.keys()]).toEqual([0, 1]);
  });

  it("says so where the server's log is an older copy", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    for (const i of upTo(5)) outbox.push(click(i, i), 1);
    await settle(0);
    server.entries = server.entries.slice(0, 2);
    outbox.push(click(9, 9), 1);
    await settle(0);
    expect(outbox.saving).toMatchObject({ kind: "blocked" });
    expect(outbox.queue.drafts).toHaveLength(1);
  });

  it("waits while another has the lease, and goes on when it has it back", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    server.fault = () => ({
      type: "leased",
      status: 423,
      lease: { yours: false, holder: "bob", expires_in_ms: 9 },
    });
    outbox.push(click(0, 0), 1);
    await settle(60_000);
    expect(outbox.saving).toMatchObject({ kind: "leased", lease: { holder: "bob" } });
    expect(server.requests).toBe(1);
    server.fault = () => null;
    outbox.retry();
    await settle(0);
    expect(segments(server)).toEqual([0]);
  });

  it("keeps everything while the server is full, and retries", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    server.fault = () => ({ type: "full", status: 507, detail: "disk full" });
    outbox.push(click(0, 0), 1);
    await settle(5000);
    expect(outbox.saving).toEqual({ kind: "full", detail: "disk full" });
    server.fault = () => null;
    await settle(15_000);
    expect(segments(server)).toEqual([0]);
    expect(outbox.saving.kind).toBe("saved");
  });

  it("sets aside the one draft that is refused, and saves the others", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    const bad = ({ drafts }: { drafts: Draft[] }): boolean =>
      drafts.some(({ operation }) => operation.kind === "click" && operation.segment === 13);
    server.fault = (write) => (bad(write) ? { status: 422, detail: "no segment 13" } : null);
    for (const i of upTo(20)) outbox.push(click(i, i), 1);
    await settle(0);
    expect(segments(server)).toEqual(upTo(20).filter((i) => i !== 13));
    expect(outbox.queue.refused.map(({ reason }) => reason)).toEqual(["no segment 13"]);
    expect(store.refused).toHaveLength(1);
    expect(outbox.queue.local.instances.has(13)).toBe(false);
    outbox.forgetRefused();
    expect(outbox.queue.refused).toEqual([]);
  });

  it("keeps edits of an accepted track, and sends them when it is sent back", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    server.foreign(draft({ kind: "accept" }));
    server.status = "accepted";
    server.fault = () => ({ type: "accepted", status: 409 });
    outbox.push(click(0, 0), 1);
    await settle(0);
    expect(outbox.saving.kind).toBe("accepted");
    server.foreign(draft({ kind: "send back", text: "more" }));
    server.status = "sent back";
    server.fault = () => null;
    await outbox.refresh();
    await settle(0);
    expect(segments(server).at(-1)).toBe(0);
    expect(outbox.queue.local).toMatchObject({ status: "sent back", review: "more" });
  });

  it("stops when the person is signed out", async () => {
    const [server, store] = [new FakeServer(), new Store()];
    const outbox = await open(server, store);
    server.fault = () => ({ status: 401 });
    outbox.push(click(0, 0), 1);
    await settle(60_000);
    expect(outbox.saving.kind).toBe("signed out");
    expect(store.drafts.size).toBe(1);
  });
});
