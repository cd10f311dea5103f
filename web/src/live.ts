/** Live propagation: asks for a preview after every change; one request in flight, newest wins. */
import type { Preview } from "./api";
import type { ImportedClick, PreviewRequest } from "./protocol";

// A pause after which the network, where there is one, refines the walk's picture.
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

  /** `network`: whether a second preview by the network follows; `changed`: after every answer. */
  constructor(
    private readonly ask: (request: PreviewRequest) => Promise<Preview>,
    private readonly network: boolean,
    private readonly changed: () => void,
  ) {}

  /** The clicks are these now, and these segments are not to be suggested. */
  update(clicks: ImportedClick[], declined: number[]): void {
    const key = JSON.stringify([clicks, declined]);
    if (key === this.asked) return; // an acknowledgement makes the same clicks anew
    this.asked = key;
    clearTimeout(this.refine);
    this.wanted = { clicks, method: "walk", declined };
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
    const { method, clicks } = request;
    this.error = null;
    // The network has no suggestions of its own where it does not make them.
    const suggestions =
      preview.suggestions.length > 0 ? preview.suggestions : (this.latest?.suggestions ?? []);
    this.latest = method === "network" ? { ...preview, suggestions } : preview;
    if (method !== "walk" || !this.network || clicks.length === 0) return;
    this.refine = setTimeout(() => {
      this.wanted ??= { ...request, method: "network" };
      void this.next();
    }, REFINE_MS);
  }

  private isClosed(): boolean {
    return this.closed;
  }
}
