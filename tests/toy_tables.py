"""Toy scenes and fake steps for the tests of the tables: nothing is trained, everything counted."""

from collections import Counter
from pathlib import Path

from seggroup.classes import BENCHMARK20, class_name
from seggroup.io.scenes import Source
from seggroup.pipeline.protocol import ROOMS, Split
from seggroup.pipeline.tablesteps import Study, Work


def toy_sources(folder, names):
    """Scenes that are no more than files of different sizes."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = []
    for i, name in enumerate(names):
        path = folder / f"{name}.ply"
        text = "x" * (i + 1)
        if not path.exists() or path.read_text() != text:  # a file's time is part of what it is
            path.write_text(text)
        sources.append(Source(name, path))
    return tuple(sources)


class FakeWork:
    """Steps that count their calls and fail where they are told to."""

    def __init__(self, scenes_for=lambda supply, minutes: None):
        self.calls = Counter()
        self.fits = []
        self.epochs = []
        self.broken = ""
        self.scenes_for = scenes_for
        self.work = Work(
            self.click,
            self.group,
            self.annotate,
            self.fit,
            self.predict,
            self.score_labels,
            self.score_semantic,
            self.score_instance,
        )

    def begin(self, name, out):
        self.calls[name] += 1
        out.mkdir(parents=True, exist_ok=True)
        if self.broken and self.broken in str(out):
            raise KeyboardInterrupt

    def click(self, sources, style, real, seed, out):
        self.begin("click", out)
        return {"minutes": 2.0 * len(sources)}

    def group(self, sources, clicks, epochs, seed, out):
        self.begin("group", out)
        assert clicks.is_dir()
        levels = {level: self.figures(0.1 * i) for i, level in enumerate("1234", 1)}
        return {"levels": levels | {"final": self.figures(0.614)}, "peak_mb": 300.0}

    def annotate(self, sources, supply, minutes, seed, out):
        self.begin("annotate", out)
        names = [source.name for source in sources]
        names = names[: self.scenes_for(supply, minutes)] if minutes is not None else names
        return {"scenes": names, "minutes": 22.3 * len(names)}

    def fit(self, sources, labels, model, learning, protocol, validation, out):
        self.begin("fit", out)
        assert labels.parent.is_dir()
        self.fits.append((model, out.name, learning.fit.seed))
        self.epochs.append(learning.fit.epochs)
        history = [
            {"losses": {"semantic": 2 / (e + 1)}, "validation": {"miou": 0.1 * e, "ap50": 0.1 * e}}
            for e in range(4)
        ]
        return {"history": history, "seconds": 60.0, "peak_mb": 800.0}

    def predict(self, run, sources, rotations, restrict, out):
        self.begin("predict", out)
        if restrict is not None:
            self.calls["restricted"] += 1

    def score_labels(self, sources, folder):
        return self.figures(0.474)

    def score_semantic(self, sources, folder, protocol):
        return {"miou": 0.5, "iou": {}}

    def score_instance(self, sources, folder, protocol):
        good = "clicks" in str(folder)
        return {"ap": 0.2, "ap50": 0.4 if good else 0.5, "ap25": 0.6, "classes": {}}

    def figures(self, miou):
        names = [class_name(i) for i in BENCHMARK20]
        iou = dict.fromkeys(names, miou) | {"sink": float("nan")}
        return {"semantic_miou": miou, "semantic_iou": iou}


def toy_study(folder: Path, work, seed=0, clicks=None, protocol=ROOMS):
    """Six training scenes, two validation scenes."""
    names = [f"scene{i:04d}_00" for i in range(8)]
    sources = toy_sources(folder / "scenes", names)
    split = Split(sources[:6], sources[6:], lists=False)
    return Study(folder / "out", split, protocol, work.work, seed, clicks)
