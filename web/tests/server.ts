/** A server's log as the outbox sees it, with faults to order. */
import { ApiError, Unreachable } from "../src/api";
import type { Transport } from "../src/outbox";
import type { Draft, Entry, Log, Problem, Status, Write, Written } from "../src/protocol";

export type Fault = "request lost" | "reply lost" | null;

export class FakeServer implements Transport {
  entries: Entry[] = [];
  status: Status = "started";
  /** Called before every write: a fault, or a refusal. */
  fault: (write: Write) => Fault | Partial<Problem> = () => null;
  requests = 0;
  most = 0;
  private flying = 0;

  /** Somebody else writes. */
  foreign(...drafts: Draft[]): void {
    for (const draft of drafts) this.append(draft, "bob");
  }

  async write(write: Write): Promise<Written> {
    this.requests++;
    this.flying++;
    this.most = Math.max(this.most, this.flying);
    await Promise.resolve();
    try {
      return this.answer(write);
    } finally {
      this.flying--;
    }
  }

  private answer(write: Write): Written {
    const fault = this.fault(write);
    if (fault === "request lost") throw new Unreachable();
    if (fault !== null && typeof fault === "object") throw refusal(fault);
    const known = new Set(this.entries.map(({ id }) => id));
    const fresh = write.drafts.filter(({ id }) => !known.has(id));
    if (fresh.length > 0) {
      const before = write.drafts.length - fresh.length;
      if (write.base !== this.head - before && write.base !== this.head) {
        throw refusal({ type: "stale", status: 409, missed: this.entries.slice(write.base) });
      }
    }
    for (const draft of fresh) this.append(draft, "ada");
    if (fault === "reply lost") throw new Unreachable();
    const ids = new Set(write.drafts.map(({ id }) => id));
    return {
      head: this.head,
      status: this.status,
      entries: this.entries.filter(({ id }) => ids.has(id)),
    };
  }

  log(after: number): Promise<Log> {
    return Promise.resolve({
      head: this.head,
      status: this.status,
      entries: this.entries.slice(after),
    });
  }

  get head(): number {
    return this.entries.length;
  }

  private append(draft: Draft, author: string): void {
    this.entries.push({ ...draft, seq: this.head + 1, author, received: draft.at });
  }
}

export function refusal(told: Partial<Problem>): ApiError {
  return new ApiError({ title: "No", status: 400, detail: "no", ...told });
}
