"""The numbers of the simulated scanner, each with its unit."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class ScannerConfig:
    """A hand-held structured-light depth camera, its fusion, and an annotator's habits."""

    # Camera
    width: int = 192  # pixels
    height: int = 144  # pixels
    focal: float = 168.0  # pixels: 59 degrees across, as a Kinect's
    near: float = 0.4  # metres, nearest depth
    far: float = 4.0  # metres, farthest depth
    # Path
    frames_per_area: float = 7.0  # frames per square metre of floor
    fewest_frames: int = 100
    most_frames: int = 190
    eye_height: tuple[float, float] = (1.15, 1.75)  # metres
    shake: float = 0.02  # metres and radians: jitter of the hand, which tracking follows
    drift: float = 0.005  # metres: tracking error, a slow walk that is pulled back
    drift_angle: float = 0.0025  # radians
    # Depth
    noise: float = 0.0008  # at 1 m, grows with the square of the depth
    bias: float = 0.002  # at 1 m, smooth over the image, grows with the square of the depth
    disparity: float = 1800.0  # quantisation: steps of depth^2 / disparity metres
    grazing: float = 0.2  # |cosine| to the surface under which returns fade
    dropout: float = 0.02  # share of pixels lost anywhere
    # Colour
    misfit: float = 1.5  # pixels between colour and depth image: bleeding at edges
    exposure: float = 0.12  # relative change of brightness along the path
    brightness: float = 0.5  # mean of a frame that the automatic exposure aims at
    color_noise: float = 0.03
    # Fusion
    voxel: float = 0.022  # metres
    truncation: float = 3.5  # voxels
    weight: float = 0.5  # observations that a voxel needs
    smallest_piece: int = 200  # faces: smaller disconnected pieces are cleaned away
    weld: float = 0.75  # voxels: closer vertices become one
    keep_faces: float = 0.3  # share of the faces kept by decimation, as in ScanNet's meshes
    # Truth
    tolerance: float = 0.06  # metres from a vertex to the surface that it is a sample of
    unannotated: float = 0.08  # share of the small objects that the annotators passed over
    smallest_instance: int = 20  # vertices: less is left unannotated


def varied(rng: np.random.Generator) -> ScannerConfig:
    """A scanner of another day: noise, frames, resolution and colours drawn around the usual ones.

    Networks that are to work on any scan are trained on rooms of many such scanners.
    """

    def times(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    usual = ScannerConfig()
    frames = times(0.5, 1.1)
    return replace(
        usual,
        far=float(rng.uniform(3.0, 4.5)),
        frames_per_area=usual.frames_per_area * frames,
        fewest_frames=int(usual.fewest_frames * frames),
        most_frames=int(usual.most_frames * frames),
        drift=usual.drift * times(0.3, 2.5),
        drift_angle=usual.drift_angle * times(0.3, 2.0),
        noise=usual.noise * times(0.5, 3.0),
        bias=usual.bias * times(0.5, 2.5),
        dropout=usual.dropout * times(0.3, 4.0),
        misfit=usual.misfit * times(0.3, 2.0),
        exposure=usual.exposure * times(0.3, 2.0),
        brightness=float(rng.uniform(0.35, 0.65)),
        color_noise=usual.color_noise * times(0.5, 2.5),
        voxel=usual.voxel * times(0.9, 1.5),
        weight=float(rng.uniform(0.5, 2.0)),
        smallest_piece=int(usual.smallest_piece * times(0.2, 2.0)),
        keep_faces=usual.keep_faces * times(0.5, 2.7),
    )
