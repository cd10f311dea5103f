/**
 * Unsent drafts, kept by the browser: in IndexedDB, else in localStorage.
 *
 * One row a draft, so that two tabs on one track never write over each other; a second tab that
 * loads the first one's rows may send them too, which their ids make harmless.
 */
import type { DraftStore } from "./outbox";
import type { Draft } from "./protocol";
import type { Refused } from "./queue";

interface Row {
  readonly id: string;
  readonly track: string;
  readonly order: number;
  readonly draft: Draft;
  readonly reason: string | null;
}

/** Where rows live. Calls are carried out in their order. */
interface Shelf {
  all(): Promise<Row[]>;
  put(row: Row): void;
  remove(id: string): void;
}

const PREFIX = "seggroup:draft:";
let shelf: Promise<Shelf> | undefined;
let lastOrder = 0;

/** The tracks of a database that have unsent drafts, as scene and annotator. */
export async function tracksWithDrafts(database: string): Promise<[string, string][]> {
  const rows = await (await open()).all();
  const keys = new Set(rows.filter((row) => row.reason === null).map((row) => row.track));
  return [...keys]
    .map((key) => JSON.parse(key) as [string, string, string])
    .filter(([from]) => from === database)
    .map(([, scene, annotator]) => [scene, annotator]);
}

/** The drafts of one track in a database. */
export function draftStore(database: string, scene: string, annotator: string): DraftStore {
  const track = JSON.stringify([database, scene, annotator]);
  const later = (use: (place: Shelf) => void): void => void open().then(use);
  const orders = new Map<string, number>();
  const put = (draft: Draft, reason: string | null): void => {
    const order = orders.get(draft.id) ?? nextOrder();
    orders.set(draft.id, order);
    later((place) => {
      place.put({ id: draft.id, track, order, draft, reason });
    });
  };
  return {
    async load() {
      const rows = (await (await open()).all()).filter((row) => row.track === track);
      rows.sort((a, b) => a.order - b.order);
      for (const row of rows) orders.set(row.id, row.order);
      const refused: Refused[] = [];
      const drafts: Draft[] = [];
      for (const { draft, reason } of rows) {
        if (reason === null) drafts.push(draft);
        else refused.push({ draft, reason });
      }
      return { drafts, refused };
    },
    put(drafts) {
      for (const draft of drafts) put(draft, null);
    },
    remove(ids) {
      for (const id of ids)
        later((place) => {
          place.remove(id);
        });
    },
    refuse({ draft, reason }) {
      put(draft, reason);
    },
  };
}

/** Grows also where several drafts fall into one millisecond. */
function nextOrder(): number {
  lastOrder = Math.max(Date.now(), lastOrder + 0.001);
  return lastOrder;
}

function open(): Promise<Shelf> {
  shelf ??= openDatabase().then(databaseShelf).catch(localShelf);
  return shelf;
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("seggroup", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("drafts", { keyPath: "id" });
    };
    request.onsuccess = () => {
      resolve(request.result);
    };
    request.onerror = () => {
      reject(new Error("IndexedDB does not open"));
    };
  });
}

function databaseShelf(database: IDBDatabase): Shelf {
  const rows = (mode: IDBTransactionMode): IDBObjectStore =>
    database.transaction("drafts", mode, { durability: "strict" }).objectStore("drafts");
  return {
    all: () =>
      new Promise((resolve, reject) => {
        const request = rows("readonly").getAll() as IDBRequest<Row[]>;
        request.onsuccess = () => {
          resolve(request.result);
        };
        request.onerror = () => {
          reject(new Error("IndexedDB does not read"));
        };
      }),
    put: (row) => void rows("readwrite").put(row),
    remove: (id) => void rows("readwrite").delete(id),
  };
}

/** Where IndexedDB is switched off. A full localStorage leaves the draft in memory alone. */
function localShelf(): Shelf {
  const keys = (): string[] => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  return {
    all: () => Promise.resolve(keys().map((key) => JSON.parse(localStorage.getItem(key)!) as Row)),
    put(row) {
      try {
        localStorage.setItem(PREFIX + row.id, JSON.stringify(row));
      } catch {
        // The warning before the page closes still stands.
      }
    },
    remove(id) {
      localStorage.removeItem(PREFIX + id);
    },
  };
}
