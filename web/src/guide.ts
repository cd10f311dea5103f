/** Where to click next: walks through the server's suggestions, forth and back. */
import type { Suggestion } from "./protocol";

export class Guide {
  /** The suggestion flown to last. */
  shown: Suggestion | null = null;
  private readonly declined = new Set<number>();
  private readonly visited: Suggestion[] = [];

  /** The segments of the declined suggestions. */
  passedOver(): number[] {
    return [...this.declined];
  }

  /** Of the server's suggestions those without a click that were not declined, in their order. */
  open(all: readonly Suggestion[], clicked: (segment: number) => boolean): Suggestion[] {
    return all.filter(({ segment }) => !this.declined.has(segment) && !clicked(segment));
  }

  /** The next suggestion, null where none is left. The one shown, without a click, is declined. */
  next(all: readonly Suggestion[], clicked: (segment: number) => boolean): Suggestion | null {
    if (this.shown !== null && !clicked(this.shown.segment)) this.declined.add(this.shown.segment);
    this.shown = this.open(all, clicked).at(0) ?? null;
    if (this.shown !== null) this.visited.push(this.shown);
    return this.shown;
  }

  /** The suggestion before the one shown, null where there is none; it is open again. */
  previous(): Suggestion | null {
    if (this.visited.length < 2) return null;
    if (this.shown === this.visited.at(-1)) this.visited.pop();
    this.shown = this.visited.at(-1) ?? null;
    if (this.shown !== null) this.declined.delete(this.shown.segment);
    return this.shown;
  }

  /** The person chose a suggestion from the list. */
  choose(suggestion: Suggestion): void {
    this.shown = suggestion;
    this.visited.push(suggestion);
  }
}
