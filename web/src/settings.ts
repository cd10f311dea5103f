/** What a person chose and the browser remembers. A full or forbidden storage forgets it. */

/** The remembered value of `name`, or `fallback`. */
export function recall<T>(name: string, fallback: T): T {
  try {
    const text = localStorage.getItem(`seggroup:${name}`);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

/** Remember a value under `name`. */
export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(`seggroup:${name}`, JSON.stringify(value));
  } catch {
    // It holds until the page closes.
  }
}
