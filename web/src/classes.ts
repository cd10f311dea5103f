/** The class palette's search: by name and synonyms, by prefix, part or letters in order. */
import type { ClassItem } from "./protocol";

/** A class found, and by which of its names. */
export interface Found {
  readonly item: ClassItem;
  readonly by: string;
}

/** Lower case, without accents, with single spaces for all that is no letter or digit. */
export function plain(text: string): string {
  const bare = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  return bare.replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

/**
 * Classes that fit the query, the best first; all of them, recents first, for an empty query.
 *
 * Order: the whole name, its beginning, the beginning of a word, a part, the letters in order; a
 * class's own name before its synonyms; recents before others.
 */
export function search(
  classes: readonly ClassItem[],
  query: string,
  recents: readonly number[],
): Found[] {
  const wanted = plain(query);
  const rank = (item: ClassItem): number => {
    const place = recents.indexOf(item.id);
    return place < 0 ? recents.length : place;
  };
  const scored = classes.map((item, position) => ({ ...best(item, wanted), item, position }));
  return scored
    .filter(({ score }) => score < Infinity)
    .sort((a, b) => a.score - b.score || rank(a.item) - rank(b.item) || a.position - b.position)
    .map(({ item, by }) => ({ item, by }));
}

/** A class in a slot of the digit keys; `use` grows with every use of any class, 0 for none yet. */
export interface Recent {
  readonly id: number;
  readonly use: number;
}

/** The slots at first, or `kept` ones with those filled up: the first nine classes of the list. */
export function slots(classes: readonly ClassItem[], kept: readonly Recent[]): Recent[] {
  const known = kept.filter(({ id }) => classes.some((item) => item.id === id));
  const others = classes.filter((item) => !known.some(({ id }) => id === item.id));
  return [...known, ...others.map(({ id }) => ({ id, use: 0 }))].slice(0, 9);
}

/**
 * The slots after one more use. A class keeps its slot, so that its digit stays; a new class takes
 * the slot not used for longest, of several never used the last.
 */
export function used(recents: readonly Recent[], id: number): Recent[] {
  const use = recents.reduce((last, recent) => Math.max(last, recent.use), 0) + 1;
  const own = recents.findIndex((recent) => recent.id === id);
  const oldest = recents.reduce((at, recent, i) => (recent.use <= recents[at].use ? i : at), 0);
  const slot = own < 0 ? oldest : own;
  return recents.map((recent, i) => (i === slot ? { id, use } : recent));
}

function best(item: ClassItem, wanted: string): { score: number; by: string } {
  let found = { score: score(plain(item.name), wanted), by: item.name };
  for (const synonym of item.synonyms) {
    const mark = score(plain(synonym), wanted) + 0.5;
    if (mark < found.score) found = { score: mark, by: synonym };
  }
  return found;
}

function score(name: string, wanted: string): number {
  if (wanted === "") return 0;
  if (name === wanted) return 1;
  if (name.startsWith(wanted)) return 2;
  if (name.includes(` ${wanted}`)) return 3;
  if (wanted.length > 1 && name.includes(wanted)) return 4;
  return wanted.length > 2 && inOrder(name, wanted) ? 5 : Infinity;
}

/** Whether the letters stand in `name` in this order, the first one at a word's beginning. */
function inOrder(name: string, wanted: string): boolean {
  const letters = wanted.replace(/ /g, "");
  return name.split(" ").some((_, i, words) => {
    const rest = words.slice(i).join("");
    if (!rest.startsWith(letters[0])) return false;
    let at = 0;
    for (const letter of rest) if (letter === letters[at]) at++;
    return at >= letters.length;
  });
}
