/** Puts an editor's state on the canvas: colours of segments and vertices, balls, the hidden. */
import * as api from "./api";
import type { LayerLabels } from "./api";
import { clicksOf } from "./annotation";
import { instanceColor, sequenceColor } from "./colors";
import { toVertices } from "./difference";
import type { Difference } from "./difference";
import type { Editor } from "./editor";
import {
  blank,
  differences,
  hiddenSegments,
  paintResults,
  paintScratch,
  paintTruth,
} from "./paint";
import type { Picture } from "./paint";
import { bySegment, CLICKS, paintView, SPREAD } from "./results";
import type { Material, Source } from "./results";
import type { Viewer } from "./viewer";

export class Easel {
  /** The comparison that is shown, if any. */
  difference: Difference | null = null;
  private readonly layers = new Map<string, Promise<LayerLabels>>();
  private picture: Picture;
  private painted: readonly unknown[] = [];
  private away: ReadonlySet<number> = new Set<number>();
  private layered = false;

  /** `failed` is told what cannot be shown. */
  constructor(
    private readonly editor: Editor,
    private readonly failed: (text: string) => void,
  ) {
    this.picture = blank(editor.geometry.segmentIds.length);
  }

  /** Bring the canvas up to date; only what differs is handed to the viewer. */
  paint(): void {
    const { dense, instances, current, mode, truth, viewer } = this.editor;
    const canvas = { dense, instances, current };
    const { spread, view } = this.editor;
    const shown = this.editor.spreadOn ? spread : null;
    let next: Picture;
    if (mode === "results") next = paintResults(canvas, view.source === SPREAD ? spread : null);
    else if (mode === "truth" && truth !== null) next = paintTruth(canvas, truth);
    else next = paintScratch(canvas, shown);
    const { palette } = viewer;
    differences(
      this.picture,
      next,
      (s, [r, g, b], style, sure) => {
        palette.set(s, r, g, b, style, sure);
      },
      (s) => {
        palette.clear(s);
      },
    );
    this.picture = next;
    this.paintRest(hiddenSegments(canvas, shown, this.editor.hidden, this.editor.alone));
  }

  /** What is more than colours of segments; the viewer is told of real changes alone. */
  private paintRest(hidden: Set<number>): void {
    const same = hidden.size === this.away.size && [...hidden].every((s) => this.away.has(s));
    if (!same) this.editor.viewer.setHidden((this.away = hidden));
    const results = this.editor.mode === "results";
    const key = results ? [this.editor.view, this.editor.instances, this.editor.spread] : [];
    if (key.length === this.painted.length && key.every((part, i) => part === this.painted[i]))
      return;
    this.painted = key;
    this.editor.viewer.setBalls(
      results ? clicksOf(this.editor.instances).map(({ vertex }) => vertex) : [],
    );
    if (results && !bySegment(this.editor.view)) void this.paintVertices(key);
    else this.showVertices(null, null);
  }

  /** Layers and differences are painted vertex by vertex; the newest request wins. */
  private async paintVertices(key: readonly unknown[]): Promise<void> {
    try {
      const { picture, difference } = await paintView(this.editor.view, this.material);
      if (key === this.painted) this.showVertices(picture, difference);
    } catch (error) {
      this.failed(
        `These labels cannot be shown: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    this.editor.tell();
  }

  private showVertices(
    picture: Parameters<Viewer["setLayer"]>[0],
    difference: Difference | null,
  ): void {
    this.difference = difference;
    if (picture !== null || this.layered) this.editor.viewer.setLayer(picture);
    this.layered = picture !== null;
  }

  private readonly material: Material = {
    labels: (source) => this.labels(source),
    instanceColor: (source, number) => {
      const own = source === CLICKS || source === SPREAD;
      return own ? instanceColor(number, this.editor.instances.get(number)) : sequenceColor(number);
    },
    classColor: (semantic) => this.editor.classes.get(semantic)?.color ?? [128, 128, 128],
  };

  private async labels(source: Source): Promise<LayerLabels> {
    if (source !== CLICKS && source !== SPREAD) return this.layer(source);
    const instance = new Int32Array(this.editor.dense.size).fill(-1);
    if (source === SPREAD && this.editor.spread !== null) instance.set(this.editor.spread.instance);
    for (const [segment, number] of this.editor.owner)
      instance[this.editor.dense.get(segment)!] = number;
    const classOf = (number: number): number => this.editor.instances.get(number)?.semantic ?? -1;
    return toVertices(this.editor.geometry.segments, instance, classOf);
  }

  /** The labels of a saved layer, fetched once. */
  layer(name: string): Promise<LayerLabels> {
    const kept = this.layers.get(name) ?? api.layer(this.editor.info.scene, name);
    this.layers.set(name, kept);
    kept.catch(() => this.layers.delete(name));
    return kept;
  }
}
