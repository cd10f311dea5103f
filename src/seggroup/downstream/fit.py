"""One training loop for all downstream models: on a CPU, a GPU, or several processes.

A batch is drawn, augmented and prepared from the seed, the epoch and its number alone, so that a
run that was interrupted follows the same curve, and several processes share an epoch by number.
Several processes are started by `torchrun`; each takes its share of an epoch's batches.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from math import cos, pi
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from seggroup.downstream.augment import augment, crop
from seggroup.downstream.cloud import IGNORE, Cloud, Targets, make_targets
from seggroup.downstream.config import FitConfig
from seggroup.downstream.distributed import Share
from seggroup.errors import InputError
from seggroup.io.store import TRAINING_STATE
from seggroup.model.checkpoint import read_tensors, write_tensors

WARM_UP = 0.05  # share of the run in which the learning rate rises
CLIP = 10.0  # longest gradient
_AHEAD = 2  # batches prepared ahead, a worker


@dataclass(frozen=True)
class Epoch:
    """What an epoch did: mean losses by name, seconds, and figures where it was validated."""

    losses: dict[str, float]
    seconds: float
    validation: dict[str, float] | None = None


@dataclass(frozen=True)
class Batch:
    """A batch as a model takes it."""

    inputs: Any
    targets: Targets


Validate = Callable[[nn.Module], dict[str, float]]
AfterEpoch = Callable[[list[Epoch], nn.Module], None]  # all epochs so far


def fit(
    model: nn.Module,
    clouds: Sequence[Cloud],
    config: FitConfig,
    device: torch.device,
    folder: Path | None = None,
    header: dict[str, Any] | None = None,
    validate: Validate | None = None,
    after_epoch: AfterEpoch = lambda history, model: None,
    workers: int = 1,
    classes: int = 0,
) -> list[Epoch]:
    """Train the model in place; with a folder, save after every epoch and resume from it.

    header   : what else must be equal for a run in the folder to go on (model, labels)
    validate : figures of the model, taken after the first epoch, every few and at the end
    after_epoch : called before the epoch counts as done; one that is cut short is done again
    workers  : threads that prepare batches ahead
    classes  : how many the model tells apart, which balancing them needs

    Raises InputError where there is nothing to train on, where the folder holds another run,
    and where the loss is no number any more.
    """
    if not len(clouds):
        raise InputError("there are no scenes to train on")
    share = Share()
    model = model.to(device)
    optimizer = torch.optim.AdamW(
        model.parameters(), config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    header = _fingerprint(header or {}, config, share.count)
    half, scaler = _precision(config, device)
    history = _resume(folder, model, optimizer, scaler, header) if folder else []
    weights = class_weights(clouds, config.class_balance, classes)
    numbers = share.of(-(-len(clouds) // config.batch))
    steps = -(-len(numbers) // config.accumulate)
    parallel = share.wrap(model, device)
    for epoch in range(len(history), config.epochs):
        start = time.perf_counter()
        model.train()
        torch.manual_seed(_seed(config.seed, epoch, share.rank))
        sums: dict[str, float] = {}
        batches = ahead(
            partial(make_batch, model, clouds, config, epoch, weights), numbers, workers
        )
        for i, batch in enumerate(batches):
            step, place = divmod(i, config.accumulate)
            in_step = min(config.accumulate, len(numbers) - step * config.accumulate)
            last = place + 1 == in_step
            with nullcontext() if last else share.silent(parallel):
                with torch.autocast(device.type, half, enabled=half is not None):
                    losses = parallel(
                        batch.inputs.to(device), batch.targets.to(device), epoch / config.epochs
                    )
                loss = torch.stack([*losses.values()]).sum()
                scaler.scale(loss / in_step).backward()
            for name, value in losses.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / len(numbers)
            if not np.isfinite(float(loss.detach())):
                raise InputError(
                    f"the loss is no number any more in epoch {epoch + 1}; "
                    "train with a smaller learning rate"
                )
            if last:
                for group in optimizer.param_groups:
                    share_done = rate(epoch * steps + step, config.epochs * steps)
                    group["lr"] = config.learning_rate * share_done
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), CLIP)
                scaler.step(optimizer)
                scaler.update()
                optimizer.zero_grad()
        means = share.mean(sums)
        seconds = time.perf_counter() - start
        figures = None
        if validate and share.rank == 0 and _due(epoch, config):
            figures = validate(model.eval())
        history.append(Epoch(means, seconds, figures))
        after_epoch(history, model)
        if folder and share.rank == 0:
            _save(folder, model, optimizer, scaler, header, history)
    model.eval()
    return history


def _precision(
    config: FitConfig, device: torch.device
) -> tuple[torch.dtype | None, torch.amp.GradScaler]:
    """The type of mixed precision, None for single, and the scaler that float16 needs."""
    mixed = config.mixed_precision and device.type == "cuda"
    wide = mixed and torch.cuda.is_bf16_supported(including_emulation=False)
    half = (torch.bfloat16 if wide else torch.float16) if mixed else None
    return half, torch.amp.GradScaler(device.type, enabled=half is torch.float16)


def rate(step: int, steps: int) -> float:
    """The learning rate's share of its highest: a linear rise, then half a cosine to 0."""
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + cos(pi * (step - rise) / max(1, steps - rise)))


def _due(epoch: int, config: FitConfig) -> bool:
    every = config.validate_every
    last = epoch + 1 == config.epochs
    return last or (every > 0 and (epoch == 0 or (epoch + 1) % every == 0))


def make_batch(
    model: nn.Module,
    clouds: Sequence[Cloud],
    config: FitConfig,
    epoch: int,
    weights: Tensor | None,
    number: int,
) -> Batch:
    """Batch `number` of an epoch: its scenes augmented, cropped and prepared for the model."""
    order = np.random.default_rng([config.seed, epoch]).permutation(len(clouds))
    some = []
    for i in order[number * config.batch : (number + 1) * config.batch].tolist():
        rng = np.random.default_rng([config.seed, epoch, i])
        some.append(augment(crop(clouds[i], config.max_points, rng), config.augment, rng))
    return Batch(model.prepare(some), make_targets(some, weights))  # type: ignore[operator]


T = TypeVar("T")


def ahead(make: Callable[[int], T], numbers: Sequence[int], workers: int) -> Iterator[T]:
    """`make` of every number, in order, made by threads a few ahead; by the caller with none."""
    if workers < 1:
        yield from map(make, numbers)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(make, number) for number in numbers[: _AHEAD * workers]]
        for number in [*numbers[len(waiting) :], *[None] * len(waiting)]:
            made = waiting.pop(0).result()
            if number is not None:
                waiting.append(pool.submit(make, number))
            yield made


def class_weights(clouds: Sequence[Cloud], balance: float, classes: int) -> Tensor | None:
    """Weights by class, their mean over the labelled points 1; None where all are alike.

    A class weighs as its share of the labelled points to the power of -`balance`: 1/2 is the
    usual compromise, 1 makes every class count alike. A class without points weighs nothing.
    """
    if balance == 0:
        return None
    count = np.zeros(classes, np.int64)
    for cloud in clouds:
        count += np.bincount(cloud.semantic[cloud.semantic != IGNORE], minlength=classes)
    weight = np.where(count > 0, np.maximum(count, 1.0) ** -balance, 0)
    mean = (weight * count).sum() / max(count.sum(), 1)
    return torch.from_numpy((weight / (mean or 1)).astype(np.float32))


def _seed(*numbers: int) -> int:
    return int(np.random.default_rng(numbers).integers(2**63))


def _fingerprint(header: dict[str, Any], config: FitConfig, processes: int) -> dict[str, Any]:
    """What must be equal for a run to go on."""
    values = asdict(config)
    values["augment"]["elastic"] = [list(pair) for pair in config.augment.elastic]
    return {**header, "fit": values, "processes": processes}


def _save(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    header: dict[str, Any],
    history: list[Epoch],
) -> None:
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{key}.{name}"] = torch.as_tensor(value)
    for key, value in scaler.state_dict().items():
        tensors[f"scaler.{key}"] = torch.tensor(value, dtype=torch.float64)
    rows = [asdict(epoch) for epoch in history]
    write_tensors(folder / TRAINING_STATE, tensors, {**header, "history": rows})


def _resume(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    header: dict[str, Any],
) -> list[Epoch]:
    path = folder / TRAINING_STATE
    if not path.exists():
        return []
    tensors, found = read_tensors(path)
    rows = found.pop("history", [])
    if found != header:
        changed = sorted(k for k in {*found, *header} if found.get(k) != header.get(k))
        raise InputError(
            f"{folder}: holds a run with other settings or on other labels "
            f"({', '.join(changed)}); choose another folder or remove this one"
        )
    of_model = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    model.load_state_dict(of_model)
    for name, parameter in model.named_parameters():
        state = {key: tensors.get(f"{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
        if state["step"] is not None:
            optimizer.state[parameter] = {
                key: value.to(parameter.device)  # type: ignore[union-attr]
                for key, value in state.items()
            }
    kept = scaler.state_dict()  # empty but for float16
    scaler.load_state_dict({k: type(v)(tensors[f"scaler.{k}"].item()) for k, v in kept.items()})
    return [Epoch(**row) for row in rows]


def digest(*arrays: np.ndarray) -> str:
    """A short word for what arrays hold."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]
