"""Making the assigner's weights: synthetic rooms, examples of them, training, temperature.

Rooms and examples are kept in a cache folder, so that an interrupted run goes on where it was.
Everything is drawn from the seed: room k by (seed, k), its variant v by (seed, k, 1 + v), step s
by (seed, s, 0, 1). So equal settings give equal weights, whatever was interrupted; with a limit in
minutes the speed of the machine decides how many steps are taken, and the file says how many.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seggroup import __version__
from seggroup.assign.calibrate import answers, calibration, fit_temperature
from seggroup.assign.examples import Example, disturbed, make_example
from seggroup.assign.features import Surroundings
from seggroup.assign.network import Assigner
from seggroup.assign.training import LOSSES, losses
from seggroup.assign.weights import save_assigner
from seggroup.errors import InputError
from seggroup.io.arrays import read_arrays
from seggroup.io.files import atomic, read_json, write_json, write_text
from seggroup.model.checkpoint import read_tensors, write_tensors
from seggroup.types import Labels, Scan

PER_PROCESS = 60  # rooms: Open3D keeps the memory of each, so that processes are renewed
LARGEST = 2**30  # bytes of one file of the cache
ROOM = ("vertices", "colors", "faces", "semantic", "instance")
SCAN = tuple(field.name for field in fields(Surroundings) if field.name != "area")
TRUTH = ("owner", "purity", "classes")
RECORD = "pretraining.json"  # of a cache: what its rooms were drawn from

Row = dict[str, float]


@dataclass(frozen=True)
class PretrainConfig:
    """The numbers of the training."""

    rooms: int = 1500
    held_back: int = 50  # the first rooms are not trained on
    variants: int = 2  # examples of each room
    steps: int = 4000
    minutes: float = 0.0  # more than 0: train so long instead of `steps`
    batch: int = 4  # examples a step
    learning_rate: float = 1.5e-3
    warmup: int = 100  # steps in which the rate rises
    last_rate: float = 0.005  # added to the cosine, as a share of the rate
    weight_decay: float = 0.02
    clip: float = 1.0  # largest norm of a gradient
    memory: float = 0.998  # decay of the weights' running mean, which is what is kept
    every: int = 50  # steps from one row of the log to the next, and from one state to the next
    width: int = 96
    rounds: int = 4
    seed: int = 5


def claim(cache: Path, seed: int) -> None:
    """Note what the rooms of a cache are drawn from, so that those of two seeds never mix."""
    record = {"seed": seed, "version": __version__}
    path = cache / RECORD
    if not path.exists():
        write_json(path, record)
    elif (found := read_json(path)) != record:
        raise InputError(
            f"{cache}: its rooms were made otherwise ({found}, not {record}); "
            "choose another folder, or remove this one"
        )


def room_file(cache: Path, room: int) -> Path:
    """Where a cache keeps a room."""
    return cache / "rooms" / f"{room:05d}.npz"


def example_file(cache: Path, room: int, variant: int) -> Path:
    """Where a cache keeps a variant of a room."""
    return cache / "examples" / f"{room:05d}_{variant}.npz"


def write_example(path: Path, example: Example) -> None:
    """An example as plain arrays, whole or not at all."""
    arrays: dict[str, Any] = {name: getattr(example.around, name) for name in SCAN}
    arrays |= {name: getattr(example, name) for name in TRUTH}
    with atomic(path) as file:
        np.savez(file, area=np.float64(example.around.area), **arrays)


def read_example(path: Path) -> Example:
    """An example that `write_example` wrote. Raises InputError for any other file."""
    found = read_arrays(path, (*SCAN, *TRUTH, "area"), _too_large, "example", "remove it")
    around = Surroundings(**{name: found[name] for name in SCAN}, area=float(found["area"]))
    return Example(around, *(found[name] for name in TRUTH))


class Cached(Sequence[Example]):
    """Examples on disk, read when asked for: a large cache needs no large memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return read_example(self.paths[index])


def make_examples(cache: Path, seed: int, room: int, variants: int) -> int:
    """Make a room and its variants, those that are not there yet; how many were made."""
    wanted = [v for v in range(variants) if not example_file(cache, room, v).exists()]
    if wanted:
        scan, truth = _room(cache, seed, room)
        for v in wanted:
            scene = disturbed(scan, truth, np.random.default_rng([seed, room, 1 + v]))
            write_example(example_file(cache, room, v), make_example(scene))
    return len(wanted)


def _room(cache: Path, seed: int, room: int) -> tuple[Scan, Labels]:
    """A room of the cache, made if it is not there."""
    path, name = room_file(cache, room), f"room{room:05d}"
    if not path.exists():
        from seggroup.synth import make_room
        from seggroup.synth.config import varied

        rng = np.random.default_rng([seed, room])
        config = varied(rng)
        scan, truth = make_room(int(rng.integers(2**31)), name, config)
        values = (scan.vertices, scan.colors, scan.faces, truth.semantic, truth.instance)
        with atomic(path) as file:
            arrays: dict[str, Any] = dict(zip(ROOM, values, strict=True))
            np.savez(file, **arrays)
    found = read_arrays(path, ROOM, _too_large, "room", "remove it")
    scan = Scan(name, found["vertices"], found["colors"], found["faces"])
    return scan, Labels(found["semantic"], found["instance"])


def _too_large(sizes: Any) -> str:
    return "is too large for a room; remove it" if sum(sizes.values()) > LARGEST else ""


def prepare_examples(
    config: PretrainConfig,
    cache: Path,
    jobs: int,
    after: Callable[[int], None] = lambda made: None,
) -> None:
    """All rooms and variants that the cache lacks, in `jobs` processes."""
    claim(cache, config.seed)
    items = [
        (cache, config.seed, room, config.variants)
        for room in range(config.rooms)
        if not all(example_file(cache, room, v).exists() for v in range(config.variants))
    ]
    for _ in range(config.rooms - len(items)):
        after(0)
    if not items:
        return
    spawn = get_context("spawn")
    with ProcessPoolExecutor(
        min(jobs, len(items)), spawn, _one_thread, max_tasks_per_child=PER_PROCESS
    ) as pool:
        futures = [pool.submit(make_examples, *item) for item in items]
        try:
            for future in as_completed(futures):
                after(future.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _one_thread() -> None:
    torch.set_num_threads(1)


def train_assigner(
    examples: Sequence[Example],
    config: PretrainConfig,
    state: Path | None = None,
    after: Callable[[Row], None] = lambda row: None,
) -> tuple[Assigner, list[Row]]:
    """Train on examples; the running mean of the weights, and mean losses every few steps.

    With a `state` file a run that was interrupted goes on from there, to the same end. Raises
    InputError where the file is of a run with other settings, or on another number of examples.
    """
    if not len(examples):
        raise InputError("no examples to train on; ask for more rooms than are held back")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = Assigner(config.width, config.rounds)
    optimizer = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    mean = {name: value.clone() for name, value in network.state_dict().items()}
    header = {"config": asdict(config), "examples": len(examples)}
    history = _resume(state, network, optimizer, mean, header)
    step = int(history[-1]["step"]) if history else 0
    before = history[-1]["seconds"] if history else 0.0
    start = perf_counter()
    total = dict.fromkeys(LOSSES, 0.0)
    count = 0
    while True:
        seconds = before + perf_counter() - start
        done = seconds / 60 / config.minutes if config.minutes > 0 else step / config.steps
        ended = done >= 1 and step > 0
        if count and (ended or step % config.every == 0):
            row = {"step": float(step), "seconds": seconds}
            history.append(row | {name: value / count for name, value in total.items()})
            total, count = dict.fromkeys(LOSSES, 0.0), 0
            _save(state, network, optimizer, mean, header, history)
            after(history[-1])
        if ended:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate(config, step, done)
        optimizer.zero_grad()
        rng = np.random.default_rng([config.seed, step, 0, 1])
        for _ in range(config.batch):
            found = losses(network, examples[int(rng.integers(len(examples)))], rng)
            if found is None:
                continue
            weighted = [weight * found[name] for name, weight in LOSSES.items()]
            (torch.stack(weighted).sum() / config.batch).backward()
            total = {name: value + found[name].item() for name, value in total.items()}
            count += 1
        nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        optimizer.step()
        step += 1
        decay = min(config.memory, (step + 1) / (step + 20))
        for name, value in network.state_dict().items():
            mean[name].mul_(decay).add_(value, alpha=1 - decay)
    network.load_state_dict(mean)
    return network.eval(), history


def rate(config: PretrainConfig, step: int, done: float) -> float:
    """The learning rate: a rise, then half a cosine. done: share of the training, 0 … 1."""
    rise = min(1.0, (step + 1) / config.warmup)
    return config.learning_rate * rise * (0.5 * (1 + math.cos(math.pi * done)) + config.last_rate)


def _save(
    state: Path | None,
    network: Assigner,
    optimizer: torch.optim.AdamW,
    mean: dict[str, Tensor],
    header: dict[str, Any],
    history: list[Row],
) -> None:
    if state is None:
        return
    tensors = {f"weight.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"mean.{name}": value for name, value in mean.items()}
    for name, parameter in network.named_parameters():
        for key, value in optimizer.state[parameter].items():
            tensors[f"{key}.{name}"] = value
    write_tensors(state, tensors, header | {"history": history})


def _resume(
    state: Path | None,
    network: Assigner,
    optimizer: torch.optim.AdamW,
    mean: dict[str, Tensor],
    header: dict[str, Any],
) -> list[Row]:
    """Put a run back as its state says, `mean` too; the log so far, empty at the start."""
    if state is None or not state.exists():
        return []
    tensors, found = read_tensors(state)
    history = found.pop("history", [])
    if found != header:
        raise InputError(
            f"{state}: is of a run with other settings; give those again, or leave --resume out"
        )
    parts: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        kind, _, of = name.partition(".")
        parts.setdefault(kind, {})[of] = value
    network.load_state_dict(parts.pop("weight"))
    mean.update(parts.pop("mean"))
    for name, parameter in network.named_parameters():
        if name in parts["exp_avg"]:
            optimizer.state[parameter] = {key: values[name] for key, values in parts.items()}
    return history


def pretrain(
    out: Path,
    config: PretrainConfig,
    cache: Path,
    jobs: int = 1,
    resume: bool = False,
    after_room: Callable[[int], None] = lambda made: None,
    after_row: Callable[[Row], None] = lambda row: None,
) -> dict[str, Any]:
    """The whole way to a file of weights; what was made, as figures.

    Of the rooms that are held back, those of even number fit the temperature and the others
    check it. Beside `out` stand the log (.csv) and the training's state (.state).
    """
    if config.rooms <= config.held_back:
        raise InputError(
            f"--rooms {config.rooms}: {config.held_back} rooms are held back; ask for more"
        )
    prepare_examples(config, cache, jobs, after_room)
    state, log = out.with_suffix(".state"), out.with_suffix(".csv")
    if not resume:
        state.unlink(missing_ok=True)
    network, history = train_assigner(
        _cached(cache, range(config.held_back, config.rooms), config), config, state, after_row
    )
    write_text(log, _csv(history))
    fitted = _cached(cache, range(0, config.held_back, 2), config)
    temperature = fit_temperature(network, fitted, config.seed)
    checked = _cached(cache, range(1, config.held_back, 2), config)
    figures = _check(network, checked, temperature, config.seed)
    settings = asdict(config) | {"steps": int(history[-1]["step"])}
    last = {name: round(history[-1][name], 4) for name in LOSSES}
    notes = {"version": __version__, "losses": last, "temperature": temperature, "check": figures}
    save_assigner(out, network, settings | notes)
    return {
        "output": str(out),
        "log": str(log),
        "examples": (config.rooms - config.held_back) * config.variants,
        "steps": settings["steps"],
        "seconds": history[-1]["seconds"],
        "losses": last,
        "temperature": temperature,
        "check": figures,
    }


def _cached(cache: Path, rooms: range, config: PretrainConfig) -> Cached:
    return Cached([example_file(cache, k, v) for k in rooms for v in range(config.variants)])


def _check(network: Assigner, examples: Sequence[Example], temperature: float, seed: int) -> Row:
    """On rooms that nothing was fitted to: vertices labelled rightly, and calibration errors."""
    found = answers(network, examples, seed)
    if not found:
        return {}
    right, error = calibration(found, temperature)
    values = {"right": right, "ece": error}
    values["ece_before"] = calibration(found, 1.0)[1]
    return {name: round(value, 4) for name, value in values.items()}


def _csv(history: Sequence[Row]) -> str:
    lines = [",".join(history[0])]
    lines += [",".join(f"{value:.6g}" for value in row.values()) for row in history]
    return "\n".join(lines) + "\n"
