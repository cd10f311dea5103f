/** The keyboard's pointer: a cross at the canvas's centre, which Enter clicks. */
import type { Editor } from "../editor";
import type { Keys } from "../rules";
import { el } from "./dom";

export interface Crosshair {
  readonly node: HTMLElement;
  /** Show it and point at the centre; called with every key that moves the view. */
  aim(): void;
  /** Click at the centre. */
  click(keys: Keys): void;
}

/** The crosshair of an editor; any move of the pointer takes it away. */
export function crosshair(
  editor: Editor,
  canvas: HTMLCanvasElement,
  signal: AbortSignal,
): Crosshair {
  const node = el("div", {
    class: "crosshair",
    hidden: true,
    "aria-hidden": "true",
    "data-part": "crosshair",
  });
  const at = (): ReturnType<Editor["viewer"]["pickAt"]> =>
    editor.viewer.pickAt(canvas.clientWidth / 2, canvas.clientHeight / 2);
  const aim = (): void => {
    node.hidden = false;
    canvas.classList.add("keyed");
    // The view has moved by the time of the next frame.
    requestAnimationFrame(() => {
      if (node.hidden) return;
      const pick = at();
      editor.viewer.setHover(pick?.segment ?? null);
      editor.point(pick);
    });
  };
  const away = (): void => {
    node.hidden = true;
    canvas.classList.remove("keyed");
  };
  away();
  canvas.addEventListener("pointermove", away, { signal });
  canvas.addEventListener("blur", away, { signal });
  // The canvas also gets the focus by script; only the Tab key says that somebody wants the cross.
  canvas.addEventListener(
    "keyup",
    ({ key }) => {
      if (key === "Tab") aim();
    },
    { signal },
  );
  return {
    node,
    aim,
    click(keys) {
      aim();
      const pick = at();
      if (pick !== null) void editor.click(pick, keys);
    },
  };
}
