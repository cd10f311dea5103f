import { readFileSync } from "node:fs";

import { afterEach, describe, expect, it, vi } from "vitest";

import { unpack } from "../src/arrays";
import { type Decoded, decodeGeometry, loadGeometry } from "../src/geometry";

// The files come from tests/server/make_golden_geometry.py.
function golden(name: string) {
  const file = readFileSync(new URL(`golden-geometry-${name}.bin`, import.meta.url));
  const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
  const { encoded, ...expected } = unpack(buffer).arrays;
  return { encoded: Uint8Array.from(encoded).buffer, expected };
}

/** Rows of four from rows of three, the fourth filled. */
function widened(values: ArrayLike<number>, fill: number): number[] {
  return Array.from({ length: (values.length / 3) * 4 }, (_, i) =>
    i % 4 === 3 ? fill : values[Math.floor(i / 4) * 3 + (i % 4)],
  );
}

describe("decodeGeometry", () => {
  it.each(["mesh", "odd", "cloud", "bare", "empty"])("decodes the golden %s", (name) => {
    const { encoded, expected } = golden(name);
    const geometry = decodeGeometry(encoded);
    expect(geometry.positions).toEqual(expected.positions);
    expect([...geometry.colors]).toEqual(widened(expected.colors, 255));
    expect(geometry.faces).toEqual(expected.faces);
    expect(geometry.segments).toEqual(expected.segments);
    expect(geometry.segmentIds).toEqual(expected.segment_ids);
    if (name === "cloud") {
      expect([...geometry.normals!]).toEqual(widened(Int8Array.from(expected.normals), 0));
    } else {
      expect(geometry.normals).toBeNull();
    }
  });

  it("does not hang, nor end in anything but an error or a geometry, on damaged data", () => {
    const { encoded } = golden("odd");
    const bytes = new Uint8Array(encoded);
    const begin = bytes.length - 6000;
    for (let trial = 0; trial < 300; trial++) {
      const damaged = bytes.slice();
      damaged[begin + ((trial * 7919) % 6000)] ^= 1 + (trial % 255);
      try {
        expect(decodeGeometry(damaged.buffer).faces.length).toBeGreaterThan(0);
      } catch (error) {
        expect((error as Error).message).toMatch(/damaged/);
      }
    }
  });
});

/** A worker that decodes where it is. */
class WorkerHere {
  static ended = 0;
  onmessage: ((event: { data: Decoded }) => void) | null = null;
  postMessage(buffer: ArrayBuffer): void {
    setTimeout(() => {
      try {
        this.onmessage?.({ data: { geometry: decodeGeometry(buffer) } });
      } catch (error) {
        this.onmessage?.({ data: { error: (error as Error).message } });
      }
    });
  }
  terminate(): void {
    WorkerHere.ended++;
  }
}

describe("loadGeometry", () => {
  function serve(body: BodyInit, init?: ResponseInit): void {
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(body, init)));
    vi.stubGlobal("Worker", WorkerHere);
    WorkerHere.ended = 0;
  }

  function inPieces(buffer: ArrayBuffer, size: number): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < buffer.byteLength; at += size) {
          controller.enqueue(new Uint8Array(buffer.slice(at, at + size)));
        }
        controller.close();
      },
    });
  }

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  it("decodes what arrives in pieces, tells how much has come, and ends its worker", async () => {
    const { encoded, expected } = golden("mesh");
    serve(inPieces(encoded, 100));
    const shares: number[] = [];
    const geometry = await loadGeometry("/geometry", (share) => shares.push(share));
    expect(geometry.positions).toEqual(expected.positions);
    expect(shares).toEqual([...shares].sort((p, q) => p - q));
    expect(shares.at(-1)).toBe(1);
    expect(shares.length).toBeGreaterThan(10);
    expect(WorkerHere.ended).toBe(1);
  });

  it("passes on what the server says", async () => {
    const headers = { "Content-Type": "application/problem+json" };
    serve(JSON.stringify({ title: "No", status: 404, detail: "No scene of that name." }), {
      status: 404,
      headers,
    });
    await expect(loadGeometry("/geometry")).rejects.toThrow("No scene of that name.");
  });

  it("names the status where the server says nothing", async () => {
    serve("<p>Bad gateway</p>", { status: 502 });
    await expect(loadGeometry("/geometry")).rejects.toThrow("HTTP 502");
  });

  it("refuses a page in place of a scan", async () => {
    serve("<!doctype html><p>Sign in</p>");
    await expect(loadGeometry("/geometry")).rejects.toThrow(/damaged/);
  });

  it("refuses a scan that ends early", async () => {
    for (const length of [0, 5, 100, 2000]) {
      serve(inPieces(golden("mesh").encoded.slice(0, length), 500));
      await expect(loadGeometry("/geometry")).rejects.toThrow("ended early");
    }
  });

  it("refuses a scan that is damaged, and ends its worker", async () => {
    const { encoded } = golden("mesh");
    const text = new TextDecoder("latin1").decode(encoded).replace('"steps"', '"stops"');
    serve(Uint8Array.from(text, (character) => character.charCodeAt(0)).buffer);
    await expect(loadGeometry("/geometry")).rejects.toThrow('"steps" is missing');
    expect(WorkerHere.ended).toBe(1);
  });

  it("stops while it decodes", async () => {
    serve(golden("mesh").encoded);
    const stop = new AbortController();
    const loading = loadGeometry("/geometry", (share) => {
      if (share === 1) stop.abort();
    }, stop.signal);
    await expect(loading).rejects.toThrow(/abort/i);
  });
});
