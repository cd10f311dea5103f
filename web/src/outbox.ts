/**
 * Saving: sends a queue's drafts in order, one request at a time, until the server has them.
 *
 * A draft's id makes a resend harmless, so every doubt ends in a resend: a lost answer, a server
 * that starts again, a page that was closed. Nothing waits for the person, and nothing is dropped.
 */
import { ApiError } from "./api";
import { newId } from "./ids";
import { absorb, add, gap, nextWrite, openQueue, refuse } from "./queue";
import type { Queue, Refused } from "./queue";
import type { Draft, Entry, Lease, Log, Operation, Write, Written } from "./protocol";

/** The server, as the outbox needs it. Refusals are `ApiError`; any other error is "no answer". */
export interface Transport {
  write(body: Write): Promise<Written>;
  log(after: number): Promise<Log>;
}

/** Where drafts outlive the page. Calls are carried out in their order. */
export interface DraftStore {
  load(): Promise<{ drafts: Draft[]; refused: Refused[] }>;
  put(drafts: readonly Draft[]): void;
  remove(ids: readonly string[]): void;
  refuse(refused: Refused): void;
}

/** How saving goes. All but `saved` and `saving` is told to the person in a banner. */
export type Saving =
  | { readonly kind: "saved" | "saving" | "offline" | "accepted" | "signed out" }
  | { readonly kind: "leased"; readonly lease: Lease | null }
  | { readonly kind: "full" | "blocked"; readonly detail: string };

const BATCH = 100;
// The database has been put back to an older copy: what is here cannot follow on from it.
const SHORTER =
  "its log is shorter than what this page has seen of it, as of an older copy of the database. " +
  "Load the page again.";
const WAITS_MS = [1000, 2000, 4000, 8000, 15_000];

export class Outbox {
  queue: Queue;
  saving: Saving = { kind: "saved" };
  private busy = false;
  private closed = false;
  private failures = 0;
  private waiting = false;
  private limit = BATCH;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `changed` is called after every change of `queue` or `saving`. */
  constructor(
    author: string,
    entries: Entry[],
    kept: { drafts: Draft[]; refused: Refused[] },
    private readonly client: string,
    private readonly transport: Transport,
    private readonly store: DraftStore,
    private readonly changed: () => void,
  ) {
    this.queue = openQueue(author, entries, kept.drafts, kept.refused);
    const waiting = new Set(this.queue.drafts.map((draft) => draft.id));
    this.store.remove(kept.drafts.map((draft) => draft.id).filter((id) => !waiting.has(id)));
    void this.send();
  }

  /** Do an operation: it counts at once here, and is kept until the server has it. */
  push(operation: Operation, activeMs: number, now: number = Date.now()): void {
    const draft = { id: newId(), at: now, active_ms: activeMs, operation };
    this.queue = add(this.queue, draft);
    this.store.put([draft]);
    this.changed();
    if (!this.waiting) void this.send();
  }

  /** Try at once, whatever stood in the way: the network is back, or the lease is ours again. */
  retry(): void {
    clearTimeout(this.timer);
    this.failures = 0;
    if (this.saving.kind !== "saved") this.tell({ kind: "saving" });
    void this.send();
  }

  /** Stop sending until `retry`, because somebody else holds the lease. */
  leased(lease: Lease): void {
    clearTimeout(this.timer);
    this.tell({ kind: "leased", lease });
  }

  /** Read what others wrote on the track (a review); silent where there is no answer. */
  async refresh(): Promise<void> {
    if (this.busy || this.closed) return;
    try {
      const before = this.queue.confirmed.head;
      const log = await this.transport.log(before);
      this.take(log.entries);
      const opened = this.saving.kind === "accepted" && log.status !== "accepted";
      if (opened) this.retry();
    } catch {
      // The next write or refresh shows what is wrong.
    }
  }

  /** The person has seen what was refused. */
  forgetRefused(): void {
    this.store.remove(this.queue.refused.map(({ draft }) => draft.id));
    this.queue = { ...this.queue, refused: [] };
    this.changed();
  }

  /** Nothing is sent from now on; what is unsent stays in the store. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private async send(): Promise<void> {
    if (this.busy || this.closed || stopped(this.saving)) return;
    const write = nextWrite(this.queue, this.client, this.limit);
    if (write === null) {
      this.tell({ kind: "saved" });
      return;
    }
    if (this.saving.kind === "saved") this.tell({ kind: "saving" });
    clearTimeout(this.timer);
    this.waiting = false;
    this.busy = true;
    const wait = await this.exchange(write);
    this.busy = false;
    this.waiting = wait !== null && wait > 0;
    if (wait === 0) void this.send();
    else if (wait !== null) this.timer = setTimeout(() => void this.send(), wait);
  }

  /** One request and what follows from its answer: when to send next (ms); null for not now. */
  private async exchange(write: Write): Promise<number | null> {
    try {
      const written = await this.transport.write(write);
      this.take(written.entries);
      await this.catchUp(written.head);
      this.failures = 0;
      this.limit = BATCH;
      this.tell({ kind: this.queue.drafts.length > 0 ? "saving" : "saved" });
      return 0;
    } catch (error) {
      if (error instanceof ApiError) return this.refused(error, write);
      return this.failed({ kind: "offline" });
    }
  }

  /** Fetch what lies between our head and the server's. */
  private async catchUp(head: number): Promise<void> {
    if (this.queue.confirmed.head >= head) return;
    this.take((await this.transport.log(this.queue.confirmed.head)).entries);
  }

  /** Take over entries of the server's log, unless some before them are missing. */
  private take(entries: readonly Entry[]): boolean {
    const known = this.queue.confirmed.head;
    if (gap(this.queue, entries)) return false;
    const before = this.queue.drafts;
    this.queue = absorb(this.queue, entries);
    const waiting = new Set(this.queue.drafts.map((draft) => draft.id));
    this.store.remove(before.map((draft) => draft.id).filter((id) => !waiting.has(id)));
    const renumbered = this.queue.drafts.filter((draft) => !before.includes(draft));
    if (renumbered.length > 0) this.store.put(renumbered);
    this.changed();
    return this.queue.confirmed.head > known;
  }

  private async refused(error: ApiError, write: Write): Promise<number | null> {
    const { type, status, missed, lease, detail } = error.problem;
    if (type === "stale") return this.stale(missed ?? []);
    if (type === "leased") return this.stop({ kind: "leased", lease: lease ?? null });
    if (type === "accepted") return this.stop({ kind: "accepted" });
    if (status === 401) return this.stop({ kind: "signed out" });
    if (type === "full" || status === 507) return this.failed({ kind: "full", detail });
    if (status === 408 || status === 429 || status >= 500) return this.failed({ kind: "offline" });
    if (status === 403 || status === 404 || status === 409) {
      return this.failed({ kind: "blocked", detail: error.message });
    }
    return this.setAside(write, error.message);
  }

  /** Somebody wrote before us: put our drafts on top of that, and send again. */
  private async stale(missed: readonly Entry[]): Promise<number> {
    if (this.take(missed)) return 0;
    try {
      const { head } = this.queue.confirmed;
      const log = await this.transport.log(head);
      if (log.head < head) return this.failed({ kind: "blocked", detail: SHORTER });
      return this.take(log.entries) ? 0 : this.failed({ kind: "offline" });
    } catch {
      return this.failed({ kind: "offline" });
    }
  }

  /** The server refuses something in a write: find it by single writes, and set it aside. */
  private setAside(write: Write, reason: string): number {
    if (write.drafts.length > 1) {
      this.limit = 1;
      return 0;
    }
    const draft = write.drafts[0];
    this.queue = refuse(this.queue, draft.id, reason);
    this.store.refuse({ draft, reason });
    this.limit = BATCH;
    this.changed();
    return 0;
  }

  private stop(saving: Saving): null {
    this.tell(saving);
    return null;
  }

  private failed(saving: Saving): number {
    this.tell(saving);
    return WAITS_MS[Math.min(this.failures++, WAITS_MS.length - 1)];
  }

  private tell(saving: Saving): void {
    const same = this.saving.kind === saving.kind && !("lease" in saving || "detail" in saving);
    if (same) return;
    this.saving = saving;
    this.changed();
  }
}

/** States that only the person, or the lease, can end. */
function stopped(saving: Saving): boolean {
  return saving.kind === "leased" || saving.kind === "accepted" || saving.kind === "signed out";
}
