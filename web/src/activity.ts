/** Active time by the idle rule: pauses longer than `idleMs` count as `idleMs`. */
export class Activity {
  private last: number;
  private sum = 0;

  constructor(
    private readonly idleMs: number,
    now: number,
  ) {
    this.last = now;
  }

  /** The person did something at `now` (ms). */
  touch(now: number): void {
    this.sum += Math.min(Math.max(now - this.last, 0), this.idleMs);
    this.last = now;
  }

  /** Active milliseconds since the last call; counts from now on again. */
  take(now: number): number {
    this.touch(now);
    const active = Math.round(this.sum);
    this.sum = 0;
    return active;
  }

  /** Active milliseconds since the last `take`, without ending the count. */
  peek(now: number): number {
    return this.sum + Math.min(Math.max(now - this.last, 0), this.idleMs);
  }
}
