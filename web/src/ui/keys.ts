/** The keyboard: one table for what keys do and for the help that lists them. */

export interface Command {
  /** As `keyOf` writes it, e.g. "N", "Shift+N", "Ctrl+Z", "?", "ArrowLeft". */
  readonly keys: readonly string[];
  /** What the help says; commands without text stand in another command's line. */
  readonly text: string;
  readonly shown?: string;
  readonly group: "Label" | "Look" | "Go" | "Undo";
  /** Only where the canvas has the focus, so that buttons and lists keep these keys. */
  readonly canvas?: boolean;
  readonly run: (event: KeyboardEvent) => void;
}

/** A key press by name: letters in upper case; Shift is told of letters and named keys alone. */
export function keyOf(event: KeyboardEvent): string {
  const { key } = event;
  const letter = /^\p{L}$/u.test(key);
  const name = key === " " ? "Space" : letter ? key.toUpperCase() : key;
  const shift = event.shiftKey && (letter || name.length > 1);
  const ctrl = event.ctrlKey || event.metaKey;
  return `${ctrl ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift ? "Shift+" : ""}${name}`;
}

/** The command of a key press, if any. */
export function commandOf(
  commands: readonly Command[],
  event: KeyboardEvent,
  onCanvas: boolean,
): Command | undefined {
  const key = keyOf(event);
  return commands.find((one) => one.keys.includes(key) && (onCanvas || one.canvas !== true));
}

/** What the pointer does, for the help. */
export const POINTER: readonly [string, string][] = [
  ["Click", "label a new object of the current class"],
  ["Shift+click", "add the segment to the current instance"],
  ["Alt+click", "take the segment away"],
  ["Ctrl+click", "pick the instance up again"],
  ["Drag", "turn; with the right or middle button, shift"],
  ["Wheel", "zoom to the pointer"],
  ["Double click", "turn about this place from now on"],
];
