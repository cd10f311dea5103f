"""A simulated hand-held depth camera: where it goes, what it sees, and how wrong it is."""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from seggroup.synth import materials as m
from seggroup.synth.config import ScannerConfig
from seggroup.synth.rooms import Room, inside

Rng = np.random.Generator
SURFACES = (1, 2, 22)  # wall, floor, ceiling: looked at as a whole, not as objects


class Frame(NamedTuple):
    """What the camera sees: depth in metres (0 = no return) and colour in [0, 1]."""

    depth: Float32[np.ndarray, "h w"]
    color: Float32[np.ndarray, "h w 3"]


class World(NamedTuple):
    """The room as the ray caster and the shader need it."""

    room: Room
    caster: Any
    normals: Float32[np.ndarray, "f 3"]
    noise: Float32[np.ndarray, "n 3"]
    lights: Float[np.ndarray, "l 3"]
    strength: Float[np.ndarray, " l"]


def as_world(room: Room, rng: Rng, open3d: ModuleType) -> World:
    """The room with its ray caster (one thread: rooms are made in parallel) and random lamps."""
    caster = open3d.t.geometry.RaycastingScene(nthreads=1)
    caster.add_triangles(room.vertices, room.faces.astype(np.uint32))
    a, b, c = (room.vertices[room.faces[:, i]] for i in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    count = int(rng.integers(1, 4))
    low, high = room.outline.min(0), room.outline.max(0)
    xy = rng.uniform(low + 0.2 * (high - low), high - 0.2 * (high - low), (count, 2))
    lights = np.column_stack([xy, rng.uniform(1.2, room.height - 0.1, count)])
    strength = rng.dirichlet(np.ones(count)) * rng.uniform(0.4, 0.8)
    return World(room, caster, normals, m.noise_volume(rng), lights, strength)


def _look_at(eye: np.ndarray, target: np.ndarray, roll: float) -> Float[np.ndarray, "4 4"]:
    """World to camera: x right, y down, z forward."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    right, down = (
        np.cos(roll) * right + np.sin(roll) * down,
        np.cos(roll) * down - np.sin(roll) * right,
    )
    pose = np.eye(4)
    pose[:3, :3] = right, down, forward
    pose[:3, 3] = -pose[:3, :3] @ eye
    return pose


def wander(rng: Rng, steps: int, size: int, smooth: float) -> Float[np.ndarray, "t n"]:
    """Smooth unit-variance noise in time: a random walk that is pulled back."""
    keep = np.exp(-1 / smooth)
    kicks = rng.normal(size=(steps, size)) * np.sqrt(1 - keep**2)
    state, states = rng.normal(size=size), []
    for kick in kicks:
        state = keep * state + kick
        states.append(state)
    return np.array(states)


def camera_path(
    world: World, rng: Rng, config: ScannerConfig, open3d: ModuleType
) -> list[Float[np.ndarray, "4 4"]]:
    """World-to-camera poses of somebody who walks about and looks at one thing after another."""
    room = world.room
    corners = room.outline.astype(float)
    edges = np.roll(corners, -1, axis=0) - corners
    area = 0.5 * abs(
        np.sum(
            corners[:, 0] * np.roll(corners[:, 1], -1) - corners[:, 1] * np.roll(corners[:, 0], -1)
        )
    )
    frames = int(np.clip(config.frames_per_area * area, config.fewest_frames, config.most_frames))
    # Targets: the middle of every object, and points on walls and floor.
    centroids = room.vertices[room.faces].mean(1)
    count = np.bincount(room.face_instance)
    middle = np.stack(
        [np.bincount(room.face_instance, centroids[:, i]) / count for i in range(3)], 1
    )
    _, first = np.unique(room.face_instance, return_index=True)
    small = ~np.isin(room.face_semantic[first], SURFACES)
    at_wall = corners + edges * rng.uniform(0.1, 0.9, (len(corners), 1))
    at_wall = np.column_stack([at_wall, rng.uniform(0.2, 1.9, len(corners))])
    corner = np.column_stack([corners, rng.uniform(0.0, 1.5, len(corners))])
    ground = rng.uniform(corners.min(0), corners.max(0), (int(1.5 * area), 2))
    ground = ground[inside(ground, corners)]
    ground = np.column_stack([ground, rng.uniform(0, 0.4, len(ground))])
    targets = np.concatenate([middle[small], at_wall, corner, ground])
    # Some of it the hand never turns to: missing regions.
    targets = targets[rng.random(len(targets)) < 0.85]
    centre = corners.mean(0)
    angle = np.arctan2(*(targets[:, :2] - centre).T[::-1]) + rng.normal(0, 0.25, len(targets))
    targets = targets[np.argsort(angle)]
    # Free places to stand: inside the room, not in or over tall furniture.
    spots = rng.uniform(corners.min(0), corners.max(0), (600, 2))
    heights = rng.uniform(*config.eye_height, len(spots))
    spots3 = np.column_stack([spots, heights]).astype(np.float32)
    distance = world.caster.compute_distance(open3d.core.Tensor(spots3)).numpy()
    spots3 = spots3[inside(spots, corners) & (distance > 0.3)].astype(float)
    # From where each target is seen: a free spot at arm's length to a few metres, in sight.
    eyes = []
    for target in targets:
        away = target - spots3
        reach = np.linalg.norm(away, axis=1)
        rays = np.concatenate([spots3, away / reach[:, None]], 1).astype(np.float32)
        hit = world.caster.cast_rays(open3d.core.Tensor(rays))["t_hit"].numpy()
        cost = np.abs(reach - rng.uniform(1.2, 2.4)) + 3.0 * (hit < reach - 0.6)
        eyes.append(spots3[np.argmin(cost + rng.uniform(0, 0.5, len(cost)))])
    key = np.linspace(0, len(targets), frames, endpoint=False)
    i = key.astype(int)
    blend = ((key - i) ** 2 * (3 - 2 * (key - i)))[:, None]
    j = (i + 1) % len(targets)
    eye = (1 - blend) * np.array(eyes)[i] + blend * np.array(eyes)[j]
    gaze = (1 - blend) * targets[i] + blend * targets[j]
    eye += config.shake * wander(rng, frames, 3, 3.0)
    gaze += 0.25 * wander(rng, frames, 3, 4.0)
    roll = 2 * config.shake * wander(rng, frames, 1, 5.0)[:, 0]
    clear = world.caster.compute_distance(open3d.core.Tensor(eye.astype(np.float32))).numpy()
    fit = inside(eye[:, :2], corners) & (clear > 0.15)
    fit &= np.linalg.norm((gaze - eye)[:, :2], axis=1) > 0.2
    return [_look_at(eye[n], gaze[n], roll[n]) for n in np.flatnonzero(fit)]


def _shade(
    world: World, points: Float[np.ndarray, "p 3"], normals: Float[np.ndarray, "p 3"]
) -> Float[np.ndarray, " p"]:
    """Brightness of surface points: ambient light and the room's lamps, without shadows."""
    light = np.full(len(points), 0.95 - 0.6 * world.strength.sum())
    for position, strength in zip(world.lights, world.strength, strict=True):
        toward = position - points
        distance2 = (toward**2).sum(1)
        cosine = np.abs((toward * normals).sum(1)) / np.sqrt(distance2)
        light += strength * (0.35 + 0.65 * cosine) * 3.5 / (1.0 + distance2)
    return light


def _smooth_noise(rng: Rng, height: int, width: int, cell: int) -> Float[np.ndarray, "h w"]:
    """Unit noise that varies over about `cell` pixels."""
    rows, columns = np.arange(height) / cell, np.arange(width) / cell
    i, j = rows.astype(int), columns.astype(int)
    noise = 1.4 * rng.standard_normal((i[-1] + 2, j[-1] + 2))
    noise = noise[i] + (rows - i)[:, None] * (noise[i + 1] - noise[i])
    return noise[:, j] + (columns - j) * (noise[:, j + 1] - noise[:, j])


def capture(
    world: World,
    pose: Float[np.ndarray, "4 4"],
    rng: Rng,
    config: ScannerConfig,
    gain: float,
    open3d: ModuleType,
) -> Frame:
    """One frame from the world-to-camera pose, with the camera's faults."""
    h, w = config.height, config.width
    room = world.room
    u, v = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
    toward = np.stack([(u - w / 2) / config.focal, (v - h / 2) / config.focal, np.ones((h, w))], -1)
    rotation = pose[:3, :3]
    eye = -rotation.T @ pose[:3, 3]
    directions = toward.reshape(-1, 3) @ rotation
    rays = np.concatenate([np.broadcast_to(eye, directions.shape), directions], 1)
    answer = world.caster.cast_rays(open3d.core.Tensor(rays.astype(np.float32)))
    z = answer["t_hit"].numpy().astype(np.float64)
    hit = np.isfinite(z)
    z[~hit] = 0
    face = np.where(hit, answer["primitive_ids"].numpy().astype(np.int64), 0)
    bary = answer["primitive_uvs"].numpy()
    normal = world.normals[face]
    points = eye + z[:, None] * directions

    # Colour: texture, light, exposure; the colour camera stands beside the depth camera.
    corner = room.texture[room.faces[face]]
    where = corner[:, 0] + bary[:, :1] * (corner[:, 1] - corner[:, 0])
    where = where + bary[:, 1:] * (corner[:, 2] - corner[:, 0])
    material = room.face_material[face]
    color = m.colors_at(room.materials, world.noise, material, where)
    color = color * _shade(world, points, normal)[:, None]
    # The camera's automatic exposure goes half of the way to a middling brightness.
    gain *= np.sqrt(config.brightness / max(float(color.mean()), 0.05))
    color = (gain * color).reshape(h, w, 3)
    color += config.color_noise * rng.standard_normal((h, w, 1)).astype(np.float32)
    shift = np.rint(rng.normal(0, config.misfit, 2)).astype(int)
    color = np.roll(color, shift, axis=(0, 1))
    color[1:-1, 1:-1] = (
        2 * color[1:-1, 1:-1]
        + color[:-2, 1:-1]
        + color[2:, 1:-1]
        + color[1:-1, :-2]
        + color[1:-1, 2:]
    ) / 6

    # Depth: noise and a smooth bias that grow with its square, steps of disparity, losses.
    square = z**2
    depth = z + square * config.noise * rng.standard_normal(len(z))
    depth += square * config.bias * _smooth_noise(rng, h, w, 24).ravel()
    disparity = config.disparity / np.maximum(depth, 0.1)
    depth = config.disparity / (np.rint(disparity) + rng.uniform(-0.2, 0.2, len(z)))
    cosine = np.abs((normal * directions).sum(1)) / np.linalg.norm(directions, axis=1)
    kept = hit & (depth > config.near) & (depth < config.far)
    kept &= rng.random(len(z)) < cosine / config.grazing
    # What a material swallows, it swallows in patches.
    lost = 0.5 + 0.25 * _smooth_noise(rng, h, w, 6).ravel()
    kept &= lost > room.materials.dropout[material]
    kept &= rng.random(len(z)) > config.dropout
    # Depth jumps: the pixel pair at an edge mixes both sides or gives nothing.
    image = depth.reshape(h, w)
    jump = np.zeros((h, w), bool)
    jump[:, 1:] |= np.abs(np.diff(image, axis=1)) > 0.06 * image[:, 1:]
    jump[1:] |= np.abs(np.diff(image, axis=0)) > 0.06 * image[1:]
    kept &= ~jump.ravel() | (rng.random(len(z)) < 0.15)
    depth = np.where(kept, depth, 0.0).reshape(h, w)
    return Frame(depth.astype(np.float32), np.clip(color, 0, 1).astype(np.float32))


def slipped(
    pose: Float[np.ndarray, "4 4"], slip: Float[np.ndarray, " 6"], config: ScannerConfig
) -> Float[np.ndarray, "4 4"]:
    """The pose that tracking believes in: `slip` are its error's unit translation and angles."""
    x, y, z = config.drift_angle * slip[3:]
    turn = np.eye(4)
    turn[:3, :3] += np.array([(0, -z, y), (z, 0, -x), (-y, x, 0)])
    turn[:3, :3] = np.linalg.qr(turn[:3, :3])[0]
    turn[:3, :3] *= np.sign(np.diag(turn[:3, :3]))
    turn[:3, 3] = config.drift * slip[:3]
    return turn @ pose
