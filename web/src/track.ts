/** One annotator's work on one scene, open in this tab: its outbox, its lease, its active time. */
import { Activity } from "./activity";
import * as api from "./api";
import { draftStore, tracksWithDrafts } from "./drafts";
import { newId } from "./ids";
import { Outbox } from "./outbox";
import type { Operation, Session } from "./protocol";

const WATCH_MS = 15_000;
const client = claimClient();
const open = new Map<string, Track>();
const opening = new Map<string, Promise<Track>>();

export class Track {
  private timers: ReturnType<typeof setInterval>[] = [];
  private listeners = new Set<() => void>();
  private left = false;

  private constructor(
    readonly scene: string,
    readonly annotator: string,
    readonly own: boolean,
    readonly outbox: Outbox,
    readonly activity: Activity,
  ) {}

  /**
   * Open a track: reads its log and, on one's own, what this browser still has to send, and asks
   * for the lease. A track still open (because it had more to send) goes on.
   */
  static async open(session: Session, scene: string, annotator: string): Promise<Track> {
    const key = trackKey(scene, annotator);
    const coming = opening.get(key) ?? open.get(key) ?? Track.read(session, scene, annotator);
    const waiting = Promise.resolve(coming);
    opening.set(key, waiting);
    try {
      const track = await waiting;
      open.set(key, track);
      track.left = false;
      track.start(session);
      return track;
    } finally {
      opening.delete(key);
    }
  }

  private static async read(session: Session, scene: string, annotator: string): Promise<Track> {
    const own = annotator === session.user;
    const store = draftStore(session.database, scene, annotator);
    const kept = own ? await store.load() : { drafts: [], refused: [] };
    const log = await api.log(scene, annotator, 0);
    let track: Track | undefined = undefined;
    const transport = {
      write: (body: Parameters<typeof api.write>[2]) => api.write(scene, annotator, body),
      log: (after: number) => api.log(scene, annotator, after),
    };
    const changed = (): void => {
      track?.tell();
    };
    const outbox = new Outbox(session.user, log.entries, kept, client, transport, store, changed);
    track = new Track(
      scene,
      annotator,
      own,
      outbox,
      new Activity(session.idle_ms, performance.now()),
    );
    return track;
  }

  /** Do an operation on the track. */
  push(operation: Operation): void {
    this.outbox.push(operation, this.activity.take(performance.now()));
  }

  /**
   * Write a reviewer's word past the queue: it must get through also where the owner's edits wait.
   * Rejects with `ApiError` or `Unreachable`.
   */
  async review(operation: Operation): Promise<void> {
    const activeMs = this.activity.take(performance.now());
    const draft = { id: newId(), at: Date.now(), active_ms: activeMs, operation };
    const base = this.outbox.queue.confirmed.head;
    await api.write(this.scene, this.annotator, { client, base, drafts: [draft] });
    await this.outbox.refresh();
  }

  /** Why no edits are taken now; null where they are. */
  get closed(): string | null {
    const { saving, queue } = this.outbox;
    if (!this.own) return `Only ${this.annotator} edits this track.`;
    if (queue.local.status === "accepted" || saving.kind === "accepted") {
      return "The scene is accepted: it takes no edits until it is sent back.";
    }
    if (saving.kind === "signed out") return "Sign in again to go on.";
    if (saving.kind === "leased") return "Another window has this scene: take it over to edit.";
    return null;
  }

  /** Whether edits are taken now. */
  get editable(): boolean {
    return this.closed === null;
  }

  /** Ask for the lease, or go on with it; with `takeOver`, end another tab's. */
  async lease(takeOver: boolean): Promise<void> {
    const answer = await api.lease(this.scene, this.annotator, { client, take_over: takeOver });
    const { kind } = this.outbox.saving;
    if (!answer.yours) this.outbox.leased(answer);
    else if (kind === "leased" || kind === "signed out") {
      this.outbox.retry();
      await this.outbox.refresh();
    }
  }

  /** `listener` is called after every change; returns what ends this. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The person goes elsewhere: what is unsent is still sent, then the lease is given back. */
  leave(): void {
    this.left = true;
    this.finish();
  }

  private start(session: Session): void {
    this.stop();
    this.timers.push(setInterval(() => void this.outbox.refresh(), WATCH_MS));
    if (!this.own) return;
    const renew = (): void => void this.lease(false).catch(() => undefined);
    this.timers.push(setInterval(renew, session.lease_ms / 3));
    renew();
  }

  private stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.timers = [];
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
    if (this.left) this.finish();
  }

  private finish(): void {
    if (this.outbox.queue.drafts.length > 0 || !open.delete(trackKey(this.scene, this.annotator)))
      return;
    this.stop();
    this.outbox.close();
    if (this.own && this.outbox.saving.kind !== "leased")
      api.release(this.scene, this.annotator, client);
  }
}

function trackKey(scene: string, annotator: string): string {
  return JSON.stringify([scene, annotator]);
}

/** How many operations, over all open tracks, the server does not have yet. */
export function unsent(): number {
  return [...open.values()].reduce((sum, track) => sum + track.outbox.queue.drafts.length, 0);
}

/** Send what an earlier visit could not; returns the scenes that this concerns. */
export async function sendKept(session: Session): Promise<string[]> {
  const kept = (await tracksWithDrafts(session.database)).filter(([, annotator]) => annotator === session.user);
  for (const [scene, annotator] of kept) {
    const key = trackKey(scene, annotator);
    if (open.has(key) || opening.has(key)) continue;
    const track = await Track.open(session, scene, annotator);
    track.leave();
  }
  return kept.map(([scene]) => scene);
}

/** Warn while something is unsent, try again with the network, give leases back when leaving. */
export function watchPage(): void {
  window.addEventListener("beforeunload", (event) => {
    if (unsent() > 0) event.preventDefault();
  });
  window.addEventListener("online", () => {
    for (const track of open.values()) track.outbox.retry();
  });
  window.addEventListener("pagehide", () => {
    sessionStorage.setItem("seggroup:client", client);
    for (const track of open.values()) {
      if (track.own) api.release(track.scene, track.annotator, client);
    }
  });
  for (const type of ["pointerdown", "pointermove", "keydown", "wheel"]) {
    window.addEventListener(type, touch, { passive: true, capture: true });
  }
}

function touch(): void {
  const now = performance.now();
  for (const track of open.values()) track.activity.touch(now);
}

/**
 * The name of this tab. It outlives a reload but is absent while the page is open, so that a
 * duplicate of the tab gets one of its own.
 */
function claimClient(): string {
  const kept = sessionStorage.getItem("seggroup:client");
  sessionStorage.removeItem("seggroup:client");
  return kept ?? newId();
}
