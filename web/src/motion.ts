/** The camera's moves: by hand, by flight, and when it rests. */

import { type Pose, tween } from "./camera";

/** How long (ms) the camera must be still before it rests. */
const REST = 150;

/** How long (ms) a flight takes. */
const FLIGHT = 350;

export interface MotionEvents {
  /** The pose has changed, or something else that moves the picture. */
  moved(): void;
  /** Nothing has moved for a while, and no drag goes on. */
  rested(): void;
}

interface Flight {
  readonly from: Pose;
  readonly to: Pose;
  readonly start: number;
  readonly done: () => void;
}

export class Motion {
  moving = false;
  private dragging = false;
  private flight: Flight | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    public pose: Pose,
    private readonly events: MotionEvents,
  ) {}

  /** Be at a pose, at rest. */
  settle(pose: Pose): void {
    clearTimeout(this.timer);
    this.land();
    this.moving = false;
    this.pose = pose;
  }

  /** Go to a pose at once; a flight ends. */
  goTo(pose: Pose): void {
    this.land();
    this.pose = pose;
    this.nudge();
  }

  /** Fly to a pose; resolves on arrival, or when another move takes over. */
  fly(to: Pose): Promise<void> {
    this.land();
    // People whom motion makes ill ask for none.
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.goTo(to);
      return Promise.resolve();
    }
    return new Promise((done) => {
      this.flight = { from: this.pose, to, start: performance.now(), done };
      this.nudge();
    });
  }

  /** Come to where a flight is at this time (ms, as performance.now). */
  advance(now: number): void {
    const { flight } = this;
    if (!flight) return;
    const share = Math.max(0, now - flight.start) / FLIGHT;
    this.pose = tween(flight.from, flight.to, share);
    this.nudge();
    if (share >= 1) this.land();
  }

  /** A drag begins or ends; while it lasts the camera does not rest. */
  drag(on: boolean): void {
    this.dragging = on;
    if (!on) this.nudge();
  }

  /** Something moves: rest begins anew. */
  nudge(): void {
    this.moving = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.dragging || this.flight) return;
      this.moving = false;
      this.events.rested();
    }, REST);
    this.events.moved();
  }

  /** Stop for good. */
  dispose(): void {
    clearTimeout(this.timer);
    this.land();
  }

  private land(): void {
    const { flight } = this;
    this.flight = null;
    flight?.done();
  }
}
