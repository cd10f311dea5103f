/** Live propagation: asks for a preview after every change; one request in flight, newest wins. */
import type { Preview } from "./api";
import type { DoubtfulClick, ImportedClick, Method, PreviewRequest } from "./protocol";

// A pause after which what takes longer is asked for: the picture of the user's own network in
// place of the walk's, or which clicks the assigner doubts.
const REFINE_MS = 500;

export class Live {
  /** The last preview, and how long it took from the change to the answer. */
  latest: Preview | null = null;
  roundTripMs = 0;
  error: string | null = null;
  private wanted: PreviewRequest | null = null;
  private asked = "";
  private busy = false;
  private closed = false;
  private refine: ReturnType<typeof setTimeout> | undefined;

  /** `changed` is called after every answer. */
  constructor(
    private readonly ask: (request: PreviewRequest) => Promise<Preview>,
    private by: Method,
    private readonly changed: () => void,
  ) {}

  get method(): Method {
    return this.by;
  }

  /** Spread by another method from the next `update` on, which asks anew. */
  setMethod(method: Method): void {
    this.by = method;
    this.asked = "";
  }

  /** The clicks are these now, and these segments are not to be suggested. */
  update(clicks: ImportedClick[], declined: number[]): void {
    const key = JSON.stringify([clicks, declined]);
    if (key === this.asked) return; // an acknowledgement makes the same clicks anew
    this.asked = key;
    clearTimeout(this.refine);
    const quick = this.by === "network" ? "walk" : this.by;
    this.wanted = { clicks, method: quick, declined, doubts: false };
    void this.next();
  }

  /** No answer is taken from now on. */
  close(): void {
    this.closed = true;
    clearTimeout(this.refine);
  }

  private async next(): Promise<void> {
    if (this.busy || this.wanted === null || this.closed) return;
    const request = this.wanted;
    this.wanted = null;
    this.busy = true;
    const start = performance.now();
    try {
      const preview = await this.ask(request);
      this.roundTripMs = performance.now() - start;
      this.arrived(preview, request);
    } catch (error) {
      this.error = error instanceof Error ? error.message : String(error);
      this.asked = ""; // the next change of any kind asks again
    }
    this.busy = false;
    if (!this.isClosed()) this.changed();
    void this.next();
  }

  private arrived(preview: Preview, request: PreviewRequest): void {
    const { method, clicks, doubts } = request;
    this.error = null;
    // The network has no suggestions of its own where it does not make them.
    const suggestions =
      preview.suggestions.length > 0 ? preview.suggestions : (this.latest?.suggestions ?? []);
    const doubtful =
      doubts || method !== "assign" ? preview.doubtful : this.stillDoubtful(clicks);
    this.latest = method === "network" ? { ...preview, suggestions } : { ...preview, doubtful };
    if (doubts || method === "network" || this.by === "walk" || clicks.length === 0) return;
    this.refine = setTimeout(() => {
      this.wanted ??= { ...request, method: this.by, doubts: this.by === "assign" };
      void this.next();
    }, REFINE_MS);
  }

  /** The doubtful clicks of the last answer that are still there. */
  private stillDoubtful(clicks: ImportedClick[]): DoubtfulClick[] {
    const there = new Set(clicks.map(clickKey));
    return (this.latest?.doubtful ?? []).filter((click) => there.has(clickKey(click)));
  }

  private isClosed(): boolean {
    return this.closed;
  }
}

function clickKey({ vertex, instance }: { vertex: number; instance: number }): string {
  return `${vertex} ${instance}`;
}
