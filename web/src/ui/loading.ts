/** The picture of a scan being loaded. */
import { el, setText } from "./dom";

export interface Loading {
  readonly node: HTMLElement;
  /** A share of 0 to 1, or null where it is not known. */
  readonly progress: (share: number | null) => void;
}

/** The overlay for a scene. */
export function loading(scene: string): Loading {
  const text = el("span", {}, `Loading ${scene}`);
  const bar = el("progress", { max: 1, "aria-label": "Loading" });
  const node = el("div", { class: "loading", role: "status", "data-part": "loading" }, [text, bar]);
  return {
    node,
    progress(share) {
      if (share === null) bar.removeAttribute("value");
      else bar.value = share;
      setText(text, share === 1 ? `Unpacking ${scene}` : `Loading ${scene}`);
    },
  };
}
