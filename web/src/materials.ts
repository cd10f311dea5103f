/**
 * The shaders of the three passes that make the picture.
 *
 * 1. The surface pass draws the scan once per camera pose into two buffers: `surface`, the scanned
 *    colour (exact bytes) with the light in alpha, and `ids`, the four bytes of the segment number
 *    as they lie in memory (all ones where there is nothing).
 * 2. The picture pass looks every pixel's segment up in the palette. Hover, clicks and spreading
 *    labels change only this pass, whose cost does not grow with the scan.
 * 3. The ball pass draws the clicked vertices as small spheres, hidden by what is before them, and
 *    a ring about the place that is marked, over everything.
 *
 * A triangle whose corners differ in segment takes that of its last corner.
 */

import {
  type DataTexture,
  DoubleSide,
  GLSL3,
  RawShaderMaterial,
  type Texture,
  Vector2,
  Vector3,
} from "three";
import { ROW } from "./palette";

const ROW_BITS = Math.log2(ROW);

/** Radius of the ring about the marked place, CSS pixels, as the shaders read it. */
const RING = "20.0";

const SURFACE_VERTEX = /* glsl */ `
precision highp float;
precision highp int;
uniform mat4 modelViewMatrix;
uniform mat4 projectionMatrix;
uniform vec3 cameraPosition;
in vec3 position;
in vec4 color;
in vec4 segment;
#ifdef LIT
in vec4 normal;
#endif
#ifdef LAYER
flat out vec4 vSurface;
#else
out vec4 vSurface;
#endif
flat out vec4 vSegment;
#ifdef CUT
out float vHeight;
#endif
#ifdef HIDING
uniform sampler2D hidden;
flat out float vHidden;
#endif
#ifdef CLOUD
uniform float diameter; // metres
uniform vec2 limits;    // least and greatest diameter, device pixels
uniform float height;   // device pixels of the view
#endif

void main() {
  vec4 place = modelViewMatrix * vec4(position, 1.0);
  gl_Position = projectionMatrix * place;
  float light = 1.0;
#ifdef LIT
  // A lamp at the eye; both sides of a face are lit, as scans are open sheets.
  float facing = abs(dot(normal.xyz, normalize(cameraPosition - position)));
  light = dot(normal.xyz, normal.xyz) > 0.0 ? min(1.0, facing) : 1.0;
#endif
  vSurface = vec4(color.rgb, light);
  vSegment = segment;
#ifdef CUT
  vHeight = position.z;
#endif
#ifdef HIDING
  ivec3 bytes = ivec3(segment.rgb * 255.0 + 0.5);
  int number = bytes.r + (bytes.g << 8) + (bytes.b << 16);
  vHidden = texelFetch(hidden, ivec2(number & ${ROW - 1}, number >> ${ROW_BITS}), 0).r;
#endif
#ifdef CLOUD
  // Points grow as the camera comes near, so that a surface stays closed.
  float metre = 0.5 * height * projectionMatrix[1][1] / -place.z;
  gl_PointSize = clamp(diameter * metre, limits.x, limits.y);
#endif
}`;

const SURFACE_FRAGMENT = /* glsl */ `
precision highp float;
#ifdef LAYER
flat in vec4 vSurface;
#else
in vec4 vSurface;
#endif
flat in vec4 vSegment;
#ifdef CUT
in float vHeight;
uniform float cut;
#endif
#ifdef HIDING
flat in float vHidden;
#endif
layout(location = 0) out vec4 surface;
layout(location = 1) out vec4 ids;

void main() {
#ifdef CUT
  if (vHeight > cut) discard;
#endif
#ifdef HIDING
  if (vHidden > 0.5) discard;
#endif
#ifdef CLOUD
  vec2 offset = 2.0 * gl_PointCoord - 1.0;
  if (dot(offset, offset) > 1.0) discard;
#endif
  surface = vSurface;
  ids = vSegment;
}`;

const FULL_VERTEX = /* glsl */ `
precision highp float;
in vec3 position;

void main() {
  gl_Position = vec4(position.xy, 0.0, 1.0);
}`;

/** Of the place that is marked: unlike the pointer's red, and dark-edged on bright scans. */
const MARK_COLORS = /* glsl */ `
const vec3 MARK_COLOR = vec3(1.0, 0.80, 0.10);
const vec3 MARK_EDGE = vec3(0.07, 0.08, 0.10);
`;

const PICTURE_FRAGMENT = /* glsl */ `
precision highp float;
precision highp int;
${MARK_COLORS}
uniform sampler2D surface;
uniform sampler2D ids;
uniform sampler2D palette;
uniform vec3 background;
uniform vec3 hoverColor;
uniform int hover;
uniform int mark;
uniform float shading; // 0 or 1
uniform float pixel;   // device pixels per CSS pixel
out vec4 picture;

int segmentAt(ivec2 at) {
  vec4 bytes = texelFetch(ids, at, 0);
  if (bytes.a > 0.5) return -1;
  ivec3 parts = ivec3(bytes.rgb * 255.0 + 0.5);
  return parts.r + (parts.g << 8) + (parts.b << 16);
}

/** A soft colour of its own for every segment. */
vec3 pastel(int segment) {
  uint hash = uint(segment) * 2654435761u;
  hash = (hash ^ (hash >> 15)) * 2246822519u;
  float hue = float(hash >> 20) / 4096.0;
  vec3 ramp = abs(fract(hue + vec3(0.0, 2.0, 1.0) / 3.0) * 6.0 - 3.0) - 1.0;
  float value = 0.80 + 0.17 * float(hash & 255u) / 255.0;
  return value * mix(vec3(1.0), clamp(ramp, 0.0, 1.0), 0.46);
}

/** 1 on diagonal stripes, 0 between them. */
float stripe() {
  float across = (gl_FragCoord.x + gl_FragCoord.y) * 0.7071 / pixel;
  float wave = abs(fract(across / 7.0) - 0.5) * 7.0;
  return clamp(0.5 + (1.9 - wave) * pixel, 0.0, 1.0);
}

/** How far a spread colour covers the scan: less with less confidence, hatched below a half. */
float cover(float confidence) {
  if (confidence >= 0.9) return 0.56;
  if (confidence >= 0.5) return mix(0.30, 0.48, (confidence - 0.5) / 0.4);
  return mix(0.04, 0.52, stripe());
}

/** A spread colour as bright as the scan, whose objects stay to be recognised by their texture. */
vec3 tintOf(vec3 paint, vec3 scanned) {
  return paint * (0.40 + 0.80 * dot(scanned, vec3(0.299, 0.587, 0.114)));
}

/** Whether a segment ends within so many CSS pixels of this one of its pixels. */
bool endsWithin(ivec2 at, int segment, float pixels) {
  int reach = int(pixel * pixels + 0.5);
  return segmentAt(at + ivec2(reach, 0)) != segment || segmentAt(at - ivec2(reach, 0)) != segment ||
    segmentAt(at + ivec2(0, reach)) != segment || segmentAt(at - ivec2(0, reach)) != segment;
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int segment = segmentAt(at);
  if (segment < 0) {
    picture = vec4(background, 1.0);
    return;
  }
  vec4 base = texelFetch(surface, at, 0);
  vec3 scanned = base.rgb * mix(1.0, 0.72 + 0.28 * base.a, shading);
  float light = mix(1.0, 0.52 + 0.48 * base.a, shading);
  vec3 color = scanned;
#ifdef PAINT
  vec4 paint = texelFetch(palette, ivec2(segment & ${ROW - 1}, segment >> ${ROW_BITS}), 0);
  float share = paint.a;
  vec3 shade = paint.rgb * light;
#ifdef SPREAD
  float style = floor(paint.a * 255.0 + 0.5);
  if (style > 0.0 && style < 255.0) {
    share = cover((style - 1.0) / 253.0);
    shade = tintOf(paint.rgb, scanned);
  }
#endif
  color = mix(scanned, shade, share);
#endif
#ifdef PASTEL
  color = pastel(segment) * light;
#endif
#ifdef HOVER
  if (segment == hover) {
    bool rim = endsWithin(at, hover, 1.6);
    color = rim ? vec3(1.0, 0.96, 0.90) : mix(color, hoverColor * light, 0.88);
  }
#endif
#ifdef MARK
  if (segment == mark) {
    if (endsWithin(at, mark, 1.2)) color = MARK_EDGE;
    else if (endsWithin(at, mark, 4.2)) color = MARK_COLOR;
  }
#endif
  picture = vec4(color, 1.0);
}`;

const BALL_VERTEX = /* glsl */ `
precision highp float;
uniform mat4 modelViewMatrix;
uniform mat4 projectionMatrix;
uniform float radius;  // metres
uniform float height;  // device pixels of the view
uniform vec2 limits;   // least and greatest radius, device pixels
in vec3 position;
out float vDepth;
flat out float vRadius;

void main() {
  vec4 place = modelViewMatrix * vec4(position, 1.0);
  gl_Position = projectionMatrix * place;
  float metre = 0.5 * height * projectionMatrix[1][1] / -place.z;
  float pixels = clamp(radius * metre, limits.x, limits.y);
  gl_PointSize = 2.0 * pixels;
  vDepth = -place.z;
  vRadius = pixels / metre;
}`;

const BALL_FRAGMENT = /* glsl */ `
precision highp float;
uniform sampler2D depth;
uniform vec2 range; // near and far
in float vDepth;
flat in float vRadius;
out vec4 picture;

void main() {
  vec2 offset = 2.0 * gl_PointCoord - 1.0;
  float square = dot(offset, offset);
  if (square > 1.0) discard;
  float stored = texelFetch(depth, ivec2(gl_FragCoord.xy), 0).r;
  float scene = range.x * range.y / (range.y - stored * (range.y - range.x));
  // A radius of grace: the ball sits on the surface and is not buried in it.
  if (scene < vDepth - 1.6 * vRadius) discard;
  float bulge = sqrt(1.0 - square);
  vec3 normal = vec3(offset.x, -offset.y, bulge);
  float light = 0.45 + 0.55 * max(0.0, dot(normal, vec3(-0.35, 0.5, 0.79)));
  float gleam = pow(light, 24.0) * 0.7;
  vec3 color = vec3(0.93, 0.10, 0.12) * light + gleam;
  picture = vec4(square > 0.72 ? vec3(1.0) : color, 1.0);
}`;

const RING_VERTEX = /* glsl */ `
precision highp float;
uniform mat4 modelViewMatrix;
uniform mat4 projectionMatrix;
uniform float pixel; // device pixels per CSS pixel
in vec3 position;

void main() {
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
  gl_PointSize = 2.0 * ${RING} * pixel;
}`;

const RING_FRAGMENT = /* glsl */ `
precision highp float;
${MARK_COLORS}
out vec4 picture;

void main() {
  float away = ${RING} * length(2.0 * gl_PointCoord - 1.0);
  if (away > ${RING} || away < ${RING} - 6.0) discard;
  bool edge = away > ${RING} - 1.3 || away < ${RING} - 4.7;
  picture = vec4(edge ? MARK_EDGE : MARK_COLOR, 1.0);
}`;

/** What the surface pass must know to be compiled. */
export interface SurfaceKind {
  readonly CLOUD: boolean;
  readonly LIT: boolean;
  readonly LAYER: boolean;
  readonly CUT: boolean;
  readonly HIDING: boolean;
}

/** What the picture pass must know: which colours are shown, whether one is hovered or marked. */
export interface PictureKind {
  readonly PAINT: boolean;
  readonly SPREAD: boolean;
  readonly PASTEL: boolean;
  readonly HOVER: boolean;
  readonly MARK: boolean;
}

/** The names that are on, as macros: software runs both sides of a branch, so none is taken. */
function definesOf(kind: SurfaceKind | PictureKind): Record<string, string> {
  const on = Object.entries(kind).filter(([, value]) => Boolean(value));
  return Object.fromEntries(on.map(([name]) => [name, ""]));
}

/** Uniforms of the surface pass, shared by all its variants. */
export function surfaceUniforms() {
  return {
    cut: { value: 0 },
    hidden: { value: null as DataTexture | null },
    diameter: { value: 0.01 },
    limits: { value: new Vector2(2, 40) },
    height: { value: 1 },
  };
}

/** The surface pass. */
export function surfaceMaterial(
  kind: SurfaceKind,
  uniforms: ReturnType<typeof surfaceUniforms>,
): RawShaderMaterial {
  return new RawShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: SURFACE_VERTEX,
    fragmentShader: SURFACE_FRAGMENT,
    uniforms,
    defines: definesOf(kind),
    side: DoubleSide,
  });
}

/** Uniforms of the picture pass. */
export function pictureUniforms() {
  return {
    surface: { value: null as Texture | null },
    ids: { value: null as Texture | null },
    palette: { value: null as DataTexture | null },
    background: { value: new Vector3(1, 1, 1) },
    hoverColor: { value: new Vector3(1, 0.16, 0.16) },
    hover: { value: -1 },
    mark: { value: -1 },
    shading: { value: 1 },
    pixel: { value: 1 },
  };
}

/** The picture pass. */
export function pictureMaterial(
  kind: PictureKind,
  uniforms: ReturnType<typeof pictureUniforms>,
): RawShaderMaterial {
  return new RawShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: FULL_VERTEX,
    fragmentShader: PICTURE_FRAGMENT,
    uniforms,
    defines: definesOf(kind),
    depthTest: false,
    depthWrite: false,
  });
}

/** Uniforms of the ball pass. */
export function ballUniforms() {
  return {
    depth: { value: null as Texture | null },
    range: { value: new Vector2(0.1, 100) },
    radius: { value: 0.035 },
    height: { value: 1 },
    limits: { value: new Vector2(4, 16) },
  };
}

/** The ball pass. */
export function ballMaterial(uniforms: ReturnType<typeof ballUniforms>): RawShaderMaterial {
  return new RawShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: BALL_VERTEX,
    fragmentShader: BALL_FRAGMENT,
    uniforms,
    depthTest: false,
    depthWrite: false,
  });
}

/** The ring about the marked place; `pixel` as in the picture pass. */
export function ringMaterial(pixel: { value: number }): RawShaderMaterial {
  return new RawShaderMaterial({
    glslVersion: GLSL3,
    vertexShader: RING_VERTEX,
    fragmentShader: RING_FRAGMENT,
    uniforms: { pixel },
    depthTest: false,
    depthWrite: false,
  });
}
