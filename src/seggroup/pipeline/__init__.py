"""The stages of the main job over files: each a plain function of a scene's source.

What a stage reads and writes is named here and in `io.store`; the command line adds only options.
Every function can run in a process of its own, so that many scenes go side by side.
"""

from seggroup.pipeline.clicks import Clicking, Contradiction, Examples, click, load_clicks
from seggroup.pipeline.labels import (
    evaluate_folder,
    labels_folder,
    propagate_scene,
    weights_file,
)
from seggroup.pipeline.scenes import Loading, keep, load_scene, segment, synthesize
from seggroup.pipeline.spreading import Propagating, check_method, method_of, network_config

__all__ = [
    "Clicking",
    "Contradiction",
    "Examples",
    "Loading",
    "Propagating",
    "check_method",
    "click",
    "evaluate_folder",
    "keep",
    "labels_folder",
    "load_clicks",
    "load_scene",
    "method_of",
    "network_config",
    "propagate_scene",
    "segment",
    "synthesize",
    "weights_file",
]
