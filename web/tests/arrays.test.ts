import { describe, expect, it } from "vitest";

import { containerSize, type TypedArray, unpack } from "../src/arrays";

/** A container as binary.py writes it. */
function pack(head: unknown, arrays: Record<string, TypedArray>): ArrayBuffer {
  const index: Record<string, { dtype: string; shape: number[]; offset: number }> = {};
  let offset = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const dtype = array.constructor.name.replace("Array", "").toLowerCase();
    index[name] = { dtype, shape: [array.length], offset };
    offset += Math.ceil(array.byteLength / 8) * 8;
  }
  return container(JSON.stringify({ head, arrays: index }), Object.values(arrays));
}

function container(header: string, arrays: readonly TypedArray[] = []): ArrayBuffer {
  const text = new TextEncoder().encode(header);
  const parts: Uint8Array[] = [new TextEncoder().encode("SGA1"), new Uint8Array(4), text];
  new DataView(parts[1].buffer as ArrayBuffer).setUint32(0, text.length, true);
  for (const array of arrays) {
    parts.push(new Uint8Array((8 - (size(parts) % 8)) % 8));
    parts.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  }
  const bytes = new Uint8Array(size(parts));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes.buffer;
}

function size(parts: readonly Uint8Array[]): number {
  return parts.reduce((total, part) => total + part.length, 0);
}

describe("unpack", () => {
  const arrays = {
    signed: new Int32Array([-1, 2, -3]),
    bytes: new Uint8Array([255, 0, 7]),
    short: new Uint16Array([65535]),
    unsigned: new Uint32Array([4294967295]),
    real: new Float32Array([0.5, -1e30]),
    none: new Float32Array(0),
  };

  it("gives back what was packed", () => {
    const buffer = pack({ name: "Küche" }, arrays);
    const read = unpack<{ name: string }>(buffer);
    expect(read.head).toEqual({ name: "Küche" });
    expect(read.arrays).toEqual(arrays);
    expect(read.shapes.signed).toEqual([3]);
  });

  it("copies nothing", () => {
    const buffer = pack({}, arrays);
    expect(unpack(buffer).arrays.signed.buffer).toBe(buffer);
  });

  it("refuses a container cut off anywhere", () => {
    const buffer = pack({}, { a: new Int32Array([1, 2]) });
    for (let length = 0; length < buffer.byteLength; length++) {
      expect(() => unpack(buffer.slice(0, length))).toThrow(/damaged/);
    }
  });

  it.each([
    ["not JSON", "{"],
    ["no arrays", '{"head":{}}'],
    ["no head", '{"arrays":{}}'],
    ["null", "null"],
    ["a strange dtype", '{"head":{},"arrays":{"a":{"dtype":"toString","shape":[0],"offset":0}}}'],
    ["a negative size", '{"head":{},"arrays":{"a":{"dtype":"uint8","shape":[-1],"offset":0}}}'],
    ["a huge size", '{"head":{},"arrays":{"a":{"dtype":"uint8","shape":[9,1e15],"offset":0}}}'],
    ["an odd offset", '{"head":{},"arrays":{"a":{"dtype":"uint8","shape":[0],"offset":-8}}}'],
    ["an offset between", '{"head":{},"arrays":{"a":{"dtype":"uint8","shape":[0],"offset":4}}}'],
  ])("refuses a header with %s", (_, header) => {
    expect(() => unpack(container(header))).toThrow(/damaged/);
  });

  it("refuses other files", () => {
    expect(() => unpack(new TextEncoder().encode("<!doctype html>").buffer)).toThrow(/SGA1/);
  });
});

describe("containerSize", () => {
  it("knows the size as soon as the header is there", () => {
    const buffer = pack({ a: 1 }, { a: new Int32Array([1, 2]), b: new Uint8Array(5) });
    const bytes = new Uint8Array(buffer);
    const known = [...bytes.keys()].map((length) => containerSize(bytes.subarray(0, length)));
    const headerLength = 8 + new DataView(buffer).getUint32(4, true);
    expect(known.slice(0, headerLength)).toEqual(Array(headerLength).fill(null));
    expect(new Set(known.slice(headerLength))).toEqual(new Set([buffer.byteLength]));
  });

  it("refuses other files", () => {
    expect(() => containerSize(new TextEncoder().encode("no container"))).toThrow(/damaged/);
  });
});
