/** The controls of the view, over the canvas: sides, height cut, point size, shading, spread. */
import { previewMethods } from "../editor";
import type { Editor } from "../editor";
import type { Method } from "../protocol";
import { recall, remember } from "../settings";
import { button, el } from "./dom";
import type { Viewer } from "../viewer";

export interface ViewCard {
  readonly node: HTMLElement;
  readonly render: () => void;
  /** Lower (-1) or raise (+1) the height cut by a step. */
  stepCut(direction: number): void;
}

const CUT_STEPS = 40;

interface Slider {
  readonly node: HTMLElement;
  readonly step: (direction: number) => void;
  /** Show the viewer's cut, which others change too. */
  readonly render: () => void;
}

/** The card of an editor. */
export function viewCard(editor: Editor): ViewCard {
  const { viewer } = editor;
  const cut = cutSlider(viewer);
  const cloud = editor.geometry.faces.length === 0;
  const spread = toggle("Spread labels", "spread", "P", editor.spreadOn, (on) => {
    editor.setSpread(on);
  });
  const method = methodChoice(editor);
  const shading = toggle("Shading", "shading", "", recall("shading", true), (on) => {
    remember("shading", on);
    viewer.setShading(on);
  });
  viewer.setShading(recall("shading", true));
  const small = matchMedia("(max-width: 760px), (max-height: 560px)").matches;
  const node = el(
    "details",
    { class: "viewcard", open: recall("viewcard", !small), "data-part": "view" },
    [
      el("summary", {}, "View"),
      el("div", { class: "sides", role: "group", "aria-label": "Sides" }, sides(viewer)),
      cut.node,
      cloud ? pointSlider(viewer) : null,
      spread.node,
      method.node,
      shading.node,
    ],
  );
  node.addEventListener("toggle", () => {
    remember("viewcard", node.open);
  });
  return {
    node,
    render() {
      cut.render();
      spread.input.checked = editor.spreadOn;
      spread.node.hidden = editor.mode !== "scratch";
      method.field.value = editor.live.method;
    },
    stepCut: cut.step,
  };
}

function sides(viewer: Viewer): HTMLElement[] {
  const home = button({
    label: "Home (H)",
    icon: "home",
    quiet: true,
    act: "home",
    onClick: () => {
      viewer.home();
    },
  });
  const others = (["top", "front", "left", "right"] as const).map((side) =>
    button({
      label: side.charAt(0).toUpperCase() + side.slice(1),
      act: `view-${side}`,
      title: `From the ${side} (${side.charAt(0).toUpperCase()})`,
      onClick: () => {
        viewer.view(side);
      },
    }),
  );
  return [home, ...others];
}

function cutSlider(viewer: Viewer): Slider {
  const slider = el("input", {
    type: "range",
    min: 0,
    max: CUT_STEPS,
    step: "any",
    "data-act": "cut",
  });
  const value = el("output", { class: "fine" });
  const render = (): void => {
    const [low, high] = viewer.heights;
    const { cut } = viewer;
    const share = cut === null ? 1 : (cut - low) / (high - low);
    if (document.activeElement !== slider) slider.value = String(CUT_STEPS * share);
    value.textContent = cut === null ? "off" : `${(cut - low).toFixed(2)} m`;
  };
  const cutAt = (step: number): void => {
    const [low, high] = viewer.heights;
    viewer.setCut(step >= CUT_STEPS ? null : low + (step / CUT_STEPS) * (high - low));
    render();
  };
  slider.addEventListener("input", () => {
    cutAt(Number(slider.value));
  });
  const node = el("label", { class: "slider" }, [
    el("span", {}, ["Height cut ", el("kbd", {}, "["), " ", el("kbd", {}, "]")]),
    value,
    slider,
  ]);
  const step = (direction: number): void => {
    const next = Math.round(Number(slider.value)) + direction;
    slider.value = String(Math.max(1, Math.min(CUT_STEPS, next)));
    cutAt(Number(slider.value));
  };
  return { node, step, render };
}

const METHOD_NAMES: Record<Method, string> = {
  assign: "trained network",
  walk: "random walk",
  network: "your own network",
};

function methodChoice(editor: Editor): { node: HTMLElement; field: HTMLSelectElement } {
  const field = el("select", { class: "field", "data-act": "method" });
  for (const value of previewMethods(editor.session)) {
    field.append(el("option", { value }, METHOD_NAMES[value]));
  }
  field.addEventListener("change", () => {
    editor.setMethod(field.value as Method);
  });
  return { node: el("label", { class: "choice" }, [el("span", {}, "Spread by"), field]), field };
}

function pointSlider(viewer: Viewer): HTMLElement {
  const slider = el("input", {
    type: "range",
    min: 1,
    max: 12,
    step: 0.5,
    "data-act": "point-size",
  });
  slider.value = String(recall("pointSize", 1.5));
  const apply = (): void => {
    remember("pointSize", Number(slider.value));
    viewer.setPointSize(Number(slider.value));
  };
  slider.addEventListener("input", apply);
  apply();
  return el("label", { class: "slider" }, [el("span", {}, "Point size"), slider]);
}

function toggle(
  label: string,
  act: string,
  key: string,
  on: boolean,
  changed: (on: boolean) => void,
): { node: HTMLElement; input: HTMLInputElement } {
  const input = el("input", { type: "checkbox", "data-act": act });
  input.checked = on;
  input.addEventListener("change", () => {
    changed(input.checked);
  });
  const hint = key === "" ? null : el("kbd", {}, key);
  return { node: el("label", { class: "check" }, [input, el("span", {}, label), hint]), input };
}
