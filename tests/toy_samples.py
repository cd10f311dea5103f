"""Small labelled scans to export."""

import numpy as np

from seggroup.export.target import Sample
from seggroup.types import NONE, Labels, Scan


def five():
    """Five points, one triangle: a wall without instance, a chair of two, nothing, a bed."""
    vertices = np.array(
        [[0, 0, 0], [1.5, 0, 0.25], [1.5, 2, 0.25], [-1, 2, 3], [0.0004, -0.0006, 1]], np.float32
    )
    colors = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [1, 2, 3], [128, 64, 32]], np.uint8)
    semantic = np.array([1, 5, 5, NONE, 4], np.int32)
    instance = np.array([NONE, 3, 3, NONE, 7], np.int32)
    confidence = np.array([1, 0.5, 0.75, 0, 0.25], np.float32)
    segments = np.array([0, 1, 1, 2, 2], np.int32)
    scan = Scan("five", vertices, colors, np.array([[0, 1, 2]], np.int32))
    return Sample(scan, Labels(semantic, instance, confidence), segments)


def random_sample(seed, size=200, mesh=True, confidence=True):
    """Instances with gaps in their numbers, points without class, classes without instance."""
    rng = np.random.default_rng(seed)
    vertices = rng.uniform(-3, 3, (size, 3)).astype(np.float32)
    colors = rng.integers(0, 256, (size, 3)).astype(np.uint8)
    faces = rng.integers(0, size, (size if mesh else 0, 3)).astype(np.int32)
    numbers = np.array([NONE, 0, 2, 5, 900], np.int32)
    classes = np.array([NONE, 1, 5, 5, 39], np.int32)
    which = rng.integers(0, 5, size)
    instance, semantic = numbers[which], classes[which]
    instance[(semantic == 5) & (rng.random(size) < 0.1)] = NONE
    sure = rng.random(size).astype(np.float32) if confidence else None
    segments = np.unique(rng.integers(0, 40, size), return_inverse=True)[1].astype(np.int32)
    normals = None
    if not mesh:
        normals = rng.normal(size=(size, 3)).astype(np.float32)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    scan = Scan(f"toy{seed}", vertices, colors, faces, normals)
    return Sample(scan, Labels(semantic, instance, sure), segments)
