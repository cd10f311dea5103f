/** Numbers and states in words. */
import type { Saving } from "../outbox";
import type { Queue } from "../queue";
import { activeTime } from "../queue";
import type { Status } from "../protocol";

/** `45 s`, `12.3 min`, `2 h 05 min`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${(seconds / 60).toFixed(1)} min`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** `1 click`, `3 clicks`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** How saving goes, in a word or two; `tone` is how it is coloured. */
export function savingWords(
  saving: Saving,
  unsent: number,
): { text: string; tone: "good" | "busy" | "warn" } {
  switch (saving.kind) {
    case "saved":
      return { text: "saved", tone: "good" };
    case "saving":
      return unsent === 0
        ? { text: "saved", tone: "good" }
        : { text: `saving ${unsent}`, tone: "busy" };
    case "offline":
      return { text: `offline: ${unsent} kept here`, tone: "warn" };
    case "full":
      return { text: `server full: ${unsent} kept here`, tone: "warn" };
    case "leased":
      return {
        text: unsent === 0 ? "looking only" : `not yours: ${unsent} kept here`,
        tone: "warn",
      };
    case "accepted":
      return { text: `accepted: ${unsent} kept here`, tone: "warn" };
    case "signed out":
      return { text: `signed out: ${unsent} kept here`, tone: "warn" };
    case "blocked":
      return { text: `refused: ${unsent} kept here`, tone: "warn" };
  }
}

/**
 * Seconds per instance (empty without instances) and the whole time. `running`: milliseconds that
 * are not in the queue yet.
 */
export function pace(queue: Queue, running: number): { each: string; whole: string } {
  const seconds = (activeTime(queue) + running) / 1000;
  const instances = queue.local.instances.size;
  const each = instances === 0 ? "" : `${(seconds / instances).toFixed(1)} s/object`;
  return { each, whole: duration(seconds) };
}

/** The class by which a status is coloured. */
export function statusClass(status: Status): string {
  return `status status-${status.replace(" ", "-")}`;
}
