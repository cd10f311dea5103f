/**
 * The three passes over WebGL: the scan into buffers, the picture from them, the balls on top.
 *
 * The scan's vertices and faces are sent once, when it is loaded; later only texels of the palette
 * go over. The picture keeps what is outside the rectangle that a change touches.
 */

import {
  BufferAttribute,
  BufferGeometry,
  Color,
  DataTexture,
  DepthTexture,
  Mesh,
  NearestFilter,
  type PerspectiveCamera,
  Points,
  type RawShaderMaterial,
  RedFormat,
  RGBAFormat,
  SRGBColorSpace,
  UnsignedIntType,
  WebGLRenderer,
  WebGLRenderTarget,
} from "three";
import type { ScanGeometry } from "./geometry";
import {
  ballMaterial,
  ballUniforms,
  type PictureKind,
  pictureMaterial,
  pictureUniforms,
  ringMaterial,
  type SurfaceKind,
  surfaceMaterial,
  surfaceUniforms,
} from "./materials";
import { type Palette, ROW, rowsFor, runsOf } from "./palette";
import type { Rectangle } from "./screen";

/** The browser or the machine has no WebGL 2. */
export class NoWebGL extends Error {}

/** What has been sent since the scan was loaded, and how often a picture was made. */
export interface Counts {
  frames: number;
  uploads: number;
  texels: number;
}

/** One scan on the graphics card. */
interface Loaded {
  readonly cloud: boolean;
  readonly full: BufferGeometry;
  proxy: BufferGeometry | null;
  /** How much larger a cloud's discs are in the stand-in, whose points lie farther apart. */
  thinning: number;
  readonly colors: BufferAttribute;
  layer: BufferAttribute | null;
  layered: boolean;
  readonly paint: DataTexture;
  readonly hidden: DataTexture;
  hiding: boolean;
}

/** The stand-in's discs grow no more than this, as large discs cost more than many. */
const MOST_GROWTH = 2;

const NOTHING: PictureKind = {
  PAINT: false,
  SPREAD: false,
  PASTEL: false,
  HOVER: false,
  MARK: false,
};

export class Passes {
  readonly counts: Counts = { frames: 0, uploads: 0, texels: 0 };
  readonly surface = surfaceUniforms();
  readonly picture = pictureUniforms();
  readonly balls = ballUniforms();
  /** Of a cloud's points, metres. */
  diameter = 0.01;
  private readonly renderer: WebGLRenderer;
  private readonly target: WebGLRenderTarget;
  private readonly materials = new Map<string, RawShaderMaterial>();
  private readonly screen: Mesh<BufferGeometry, RawShaderMaterial>;
  private readonly ballPoints: Points<BufferGeometry, RawShaderMaterial>;
  private readonly ring: Points<BufferGeometry, RawShaderMaterial>;
  private loaded: Loaded | null = null;

  /** Raises NoWebGL where the canvas gives no WebGL 2 context. */
  constructor(canvas: HTMLCanvasElement) {
    this.renderer = rendererFor(canvas);
    this.target = buffers();
    this.screen = fullScreen(this.pictureMaterial(NOTHING));
    this.ballPoints = pointsOf(ballMaterial(this.balls));
    this.ring = pointsOf(ringMaterial(this.picture.pixel));
    const [colors, ids] = this.target.textures;
    this.picture.surface.value = colors;
    this.picture.ids.value = ids;
    this.balls.depth.value = this.target.depthTexture;
  }

  get width(): number {
    return this.target.width;
  }

  get height(): number {
    return this.target.height;
  }

  /** Set the size in device pixels; `ratio` is device pixels per CSS pixel. */
  resize(width: number, height: number, ratio: number): void {
    this.renderer.setSize(width, height, false);
    this.target.setSize(width, height);
    this.picture.pixel.value = ratio;
    this.balls.height.value = height;
    this.surface.height.value = height;
    this.balls.limits.value.set(4.5 * ratio, 13 * ratio);
  }

  /** Take a scan in place of the one before; `normals` as in ScanGeometry, or null for none. */
  load(scan: ScanGeometry, normals: Int8Array | null, palette: Palette): void {
    this.unload();
    Object.assign(this.counts, { frames: 0, uploads: 0, texels: 0 });
    const full = new BufferGeometry();
    const colors = this.attribute(scan.colors, 4, true);
    // The number's four bytes go through the shaders as a colour.
    const { buffer, byteOffset, byteLength } = scan.segments;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    full.setAttribute("position", this.attribute(scan.positions, 3, false));
    full.setAttribute("color", colors);
    full.setAttribute("segment", this.attribute(bytes, 4, true));
    if (normals) full.setAttribute("normal", this.attribute(normals, 4, true));
    if (scan.faces.length > 0) full.setIndex(this.attribute(scan.faces, 1, false));
    const paint = new DataTexture(palette.texels, ROW, rowsFor(palette.segments), RGBAFormat);
    const flags = new Uint8Array(ROW * rowsFor(palette.segments));
    const hidden = new DataTexture(flags, ROW, rowsFor(palette.segments), RedFormat);
    paint.needsUpdate = true;
    hidden.needsUpdate = true;
    this.picture.palette.value = paint;
    this.surface.hidden.value = hidden;
    this.loaded = {
      cloud: scan.faces.length === 0,
      full,
      proxy: null,
      thinning: 1,
      colors,
      layer: null,
      layered: false,
      paint,
      hidden,
      hiding: false,
    };
  }

  /** Take the stand-in: an index buffer over the scan's vertices. */
  setProxy(indices: Uint32Array): void {
    if (!this.loaded) return;
    const proxy = new BufferGeometry();
    for (const [name, attribute] of Object.entries(this.loaded.full.attributes)) {
      proxy.setAttribute(name, attribute);
    }
    proxy.setIndex(this.attribute(indices, 1, false));
    this.loaded.proxy = proxy;
    const apart = Math.sqrt(this.loaded.colors.count / indices.length);
    this.loaded.thinning = Math.min(MOST_GROWTH, apart);
  }

  get hasProxy(): boolean {
    return this.loaded?.proxy != null;
  }

  /** Show RGBA per vertex in place of the scanned colours, or those again (null). */
  setLayer(colors: Uint8Array | null): void {
    const { loaded } = this;
    if (!loaded) return;
    loaded.layered = colors !== null;
    if (colors && loaded.layer) {
      loaded.layer.array.set(colors);
      loaded.layer.needsUpdate = true;
    } else if (colors) {
      loaded.layer = this.attribute(colors, 4, true);
    }
    this.showLayer(loaded.layered);
  }

  /** Whether the layer, where there is one, is drawn or the scanned colours. */
  showLayer(on: boolean): void {
    const { loaded } = this;
    if (!loaded) return;
    const shown = (on && loaded.layered && loaded.layer) || loaded.colors;
    loaded.full.setAttribute("color", shown);
    loaded.proxy?.setAttribute("color", shown);
  }

  setHidden(segments: ReadonlySet<number>): void {
    const { loaded } = this;
    if (!loaded) return;
    const flags = loaded.hidden.image.data!;
    flags.fill(0);
    for (const segment of segments) flags[segment] = 255;
    loaded.hidden.needsUpdate = true;
    loaded.hiding = segments.size > 0;
  }

  /** Send the texels of these segments (ascending) with the next picture. */
  sendTexels(palette: Palette, segments: readonly number[]): void {
    const { loaded } = this;
    if (!loaded || segments.length === 0) return;
    const runs = runsOf(segments);
    // Many short runs cost more than the whole texture.
    if (runs.length <= 256) for (const [at, n] of runs) loaded.paint.addUpdateRange(4 * at, 4 * n);
    loaded.paint.needsUpdate = true;
    this.counts.texels += runs.length <= 256 ? segments.length : palette.texels.length / 4;
  }

  /** Place the balls; `centers` holds 3 numbers each. */
  setBalls(centers: Float32Array): void {
    putPoints(this.ballPoints, centers);
  }

  /** Outline a segment and put a ring about a place (3 numbers), or neither (-1, none). */
  setMark(segment: number, center: Float32Array): void {
    this.picture.mark.value = segment;
    putPoints(this.ring, center);
  }

  /** The first pass: the scan, or its stand-in, as the camera sees it, up to the height `cut`. */
  drawSurface(camera: PerspectiveCamera, cut: number | null, light: boolean): void {
    const { renderer, loaded } = this;
    renderer.setRenderTarget(this.target);
    renderer.setScissorTest(false);
    renderer.clear();
    if (!loaded) return;
    this.surface.cut.value = cut ?? 0;
    this.surface.diameter.value = this.diameter * (light ? loaded.thinning : 1);
    const geometry = (light && loaded.proxy) || loaded.full;
    const material = this.surfaceMaterial({
      CLOUD: loaded.cloud,
      LIT: "normal" in geometry.attributes,
      LAYER: geometry.attributes.color !== loaded.colors,
      CUT: cut !== null,
      HIDING: loaded.hiding,
    });
    const body = loaded.cloud ? new Points(geometry, material) : new Mesh(geometry, material);
    body.frustumCulled = false;
    renderer.render(body, camera);
  }

  /** The second and third pass, within a rectangle or over the whole canvas (null). */
  drawPicture(camera: PerspectiveCamera, kind: PictureKind, within: Rectangle | null): void {
    const { renderer } = this;
    renderer.setRenderTarget(null);
    renderer.setScissorTest(within !== null);
    if (within) renderer.setScissor(within.x, within.y, within.width, within.height);
    this.balls.range.value.set(camera.near, camera.far);
    this.screen.material = this.pictureMaterial(kind);
    renderer.render(this.screen, camera);
    for (const points of [this.ballPoints, this.ring]) {
      if (points.visible) renderer.render(points, camera);
    }
    this.counts.frames += 1;
  }

  /** Wait until everything asked for is drawn. */
  finish(): void {
    const gl = this.renderer.getContext();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  /** Free the scan's memory on the card. */
  unload(): void {
    const { loaded } = this;
    if (!loaded) return;
    if (loaded.layer) loaded.full.setAttribute("layer", loaded.layer);
    loaded.full.setAttribute("color", loaded.colors);
    loaded.full.dispose();
    loaded.proxy?.dispose();
    loaded.paint.dispose();
    loaded.hidden.dispose();
    this.picture.palette.value = null;
    this.surface.hidden.value = null;
    this.setBalls(new Float32Array());
    this.setMark(-1, new Float32Array());
    this.loaded = null;
    this.renderer.renderLists.dispose();
  }

  /** Free everything on the card. */
  dispose(): void {
    this.unload();
    for (const material of this.materials.values()) material.dispose();
    for (const points of [this.ballPoints, this.ring]) {
      points.geometry.dispose();
      points.material.dispose();
    }
    this.screen.geometry.dispose();
    this.target.dispose();
    this.renderer.dispose();
  }

  private surfaceMaterial(kind: SurfaceKind): RawShaderMaterial {
    return this.kept(kind, () => surfaceMaterial(kind, this.surface));
  }

  private pictureMaterial(kind: PictureKind): RawShaderMaterial {
    return this.kept(kind, () => pictureMaterial(kind, this.picture));
  }

  private kept(kind: object, make: () => RawShaderMaterial): RawShaderMaterial {
    const key = JSON.stringify(kind);
    const material = this.materials.get(key) ?? make();
    this.materials.set(key, material);
    return material;
  }

  private attribute(
    array: Float32Array | Uint32Array | Uint8Array | Int8Array,
    size: number,
    normalized: boolean,
  ): BufferAttribute {
    const attribute = new BufferAttribute(array, size, normalized);
    attribute.onUpload(() => {
      this.counts.uploads += array.byteLength;
    });
    return attribute;
  }
}

/** sRGB parts (0..1) of a CSS colour: a name, #rrggbb or rgb(). */
export function partsOf(css: string): [number, number, number] {
  const { r, g, b } = new Color(css).getRGB({ r: 0, g: 0, b: 0 }, SRGBColorSpace);
  return [r, g, b];
}

function rendererFor(canvas: HTMLCanvasElement): WebGLRenderer {
  const context = canvas.getContext("webgl2", {
    alpha: false,
    antialias: false,
    depth: false,
    stencil: false,
    // A change of a few segments redraws their rectangle alone, over what is there.
    preserveDrawingBuffer: true,
    powerPreference: "high-performance",
  });
  if (!context) throw new NoWebGL("this browser gives the page no WebGL 2");
  const renderer = new WebGLRenderer({ canvas, context });
  renderer.autoClear = false;
  renderer.setPixelRatio(1);
  // All ones: no segment has that number.
  renderer.setClearColor(0xffffff, 1);
  return renderer;
}

function buffers(): WebGLRenderTarget {
  return new WebGLRenderTarget(1, 1, {
    count: 2,
    minFilter: NearestFilter,
    magFilter: NearestFilter,
    generateMipmaps: false,
    depthTexture: new DepthTexture(1, 1, UnsignedIntType),
  });
}

/** Points of a material; none as yet. */
function pointsOf(material: RawShaderMaterial): Points<BufferGeometry, RawShaderMaterial> {
  const points = new Points(new BufferGeometry(), material);
  points.frustumCulled = false;
  points.visible = false;
  return points;
}

function putPoints(points: Points, centers: Float32Array): void {
  points.geometry.dispose();
  points.geometry = new BufferGeometry();
  points.geometry.setAttribute("position", new BufferAttribute(centers, 3));
  points.visible = centers.length > 0;
}

function fullScreen(material: RawShaderMaterial): Mesh<BufferGeometry, RawShaderMaterial> {
  const geometry = new BufferGeometry();
  const corners = new Float32Array([-1, -1, 0, 3, -1, 0, -1, 3, 0]);
  geometry.setAttribute("position", new BufferAttribute(corners, 3));
  const mesh = new Mesh(geometry, material);
  mesh.frustumCulled = false;
  return mesh;
}
