// The authors' annotation tool, imitated: three.js, its ray caster over every triangle, and the
// colours of all vertices written and sent again for each hover and click.
import * as THREE from "three";

const raw = async (name, Type) => new Type(await (await fetch(`/scan/${name}`)).arrayBuffer());
const [positions, colors, faces, segments] = await Promise.all([
  raw("positions", Float32Array),
  raw("colors", Float32Array),
  raw("faces", Uint32Array),
  raw("segments", Int32Array),
]);
const geometry = new THREE.BufferGeometry();
geometry.setAttribute("position", new THREE.BufferAttribute(positions, 3));
geometry.setAttribute("color", new THREE.BufferAttribute(colors.slice(), 3));
geometry.setIndex(new THREE.BufferAttribute(faces, 1));
geometry.computeVertexNormals();
const mesh = new THREE.Mesh(
  geometry,
  new THREE.MeshLambertMaterial({ vertexColors: true, side: THREE.DoubleSide }),
);
const scene = new THREE.Scene();
scene.add(mesh, new THREE.AmbientLight(0xffffff, 2), new THREE.DirectionalLight(0xffffff, 1));
const camera = new THREE.PerspectiveCamera(50, innerWidth / innerHeight, 0.05, 200);
camera.up.set(0, 0, 1);
const renderer = new THREE.WebGLRenderer({ antialias: true });
renderer.setSize(innerWidth, innerHeight);
document.body.append(renderer.domElement);
const box = new THREE.Box3().setFromObject(mesh);
const center = box.getCenter(new THREE.Vector3());
const radius = box.getSize(new THREE.Vector3()).length() / 2;
const raycaster = new THREE.Raycaster();

function draw() {
  renderer.render(scene, camera);
  const gl = renderer.getContext();
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // until it is there
}

function orbit(angle) {
  camera.position.set(Math.cos(angle), Math.sin(angle), 1).multiplyScalar(radius).add(center);
  camera.lookAt(center);
  draw();
}

// Colour the segment under a point of the screen (-1 … 1), as hover and click both do. Returns
// whether there is one.
function paint(x, y, [r, g, b]) {
  raycaster.setFromCamera(new THREE.Vector2(x, y), camera);
  const hit = raycaster.intersectObject(mesh)[0];
  if (!hit) return false;
  const color = geometry.getAttribute("color");
  color.array.set(colors);
  for (let v = 0; v < segments.length; v++)
    if (segments[v] === segments[hit.face.a]) color.setXYZ(v, r, g, b);
  color.needsUpdate = true;
  draw();
  return true;
}

// Milliseconds of an action; null where it finds nothing to do.
const timed = (f) => {
  const start = performance.now();
  return f() === false ? null : performance.now() - start;
};

orbit(0.8);
window.peer = {
  hover: () => timed(() => paint(Math.random() - 0.5, Math.random() - 0.5, [1, 0, 0])),
  orbit: (i) => timed(() => orbit(0.8 + 0.05 * i)),
};
