// A scan's geometry from the server: fetched as a stream, decoded in a worker.

import { containerSize } from "./arrays";
import type { ScanGeometry } from "./decode";

export { decodeGeometry, type ScanGeometry } from "./decode";

const PADDING = 8; // what may follow a container's last array

/** What the worker answers. */
export type Decoded = { geometry: ScanGeometry } | { error: string };

/**
 * The geometry at `url`. `onProgress` is told the share that has arrived, 0 to 1. Rejects with
 * an Error that a person can read where the server refuses or the data is damaged, and with the
 * signal's reason once it is aborted.
 */
export async function loadGeometry(
  url: string,
  onProgress?: (share: number) => void,
  signal?: AbortSignal,
): Promise<ScanGeometry> {
  const response = await fetch(url, { signal: signal ?? null });
  if (!response.ok) throw new Error(await refusal(response));
  return decodeInWorker(await received(response, onProgress), signal);
}

/** The server's own words where it has any (RFC 9457). */
async function refusal(response: Response): Promise<string> {
  const plain = `The scan could not be loaded (HTTP ${response.status}).`;
  if (!response.headers.get("Content-Type")?.startsWith("application/problem+json")) return plain;
  try {
    const problem = (await response.json()) as { detail?: unknown };
    return typeof problem.detail === "string" ? problem.detail : plain;
  } catch {
    return plain;
  }
}

/**
 * The whole body. How much is to come, the container's header tells: Content-Length counts the
 * bytes before they are unpacked.
 */
async function received(
  response: Response,
  onProgress?: (share: number) => void,
): Promise<ArrayBuffer> {
  const reader = response.body!.getReader();
  let whole = new Uint8Array(0);
  let count = 0;
  let size: number | null = null;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    whole = withRoom(whole, count + value.length, size);
    whole.set(value, count);
    count += value.length;
    size ??= containerSize(whole.subarray(0, count));
    if (size !== null) onProgress?.(Math.min(1, count / size));
  }
  if (size === null || count < size) throw new Error("The scan ended early. Load it again.");
  return whole.buffer;
}

/** The same bytes with room for `needed`, or for the whole container once its size is known. */
function withRoom(
  bytes: Uint8Array<ArrayBuffer>,
  needed: number,
  size: number | null,
): Uint8Array<ArrayBuffer> {
  if (needed <= bytes.length) return bytes;
  const larger = new Uint8Array(Math.max(needed, (size ?? 0) + PADDING));
  larger.set(bytes);
  return larger;
}

/** Decode in a worker of its own, which ends with it: its memory goes back at once. */
function decodeInWorker(buffer: ArrayBuffer, signal?: AbortSignal): Promise<ScanGeometry> {
  const worker = new Worker(new URL("./geometry.worker.ts", import.meta.url), { type: "module" });
  return new Promise<ScanGeometry>((resolve, reject) => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
    worker.onerror = () => {
      reject(new Error("The scan could not be decoded: the page's worker did not start."));
    };
    worker.onmessage = (event: MessageEvent<Decoded>) => {
      if ("geometry" in event.data) resolve(event.data.geometry);
      else reject(new Error(event.data.error));
    };
    worker.postMessage(buffer, [buffer]);
  }).finally(() => {
    worker.terminate();
  });
}
