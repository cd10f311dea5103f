"""Learning shown: what models reach on rooms they have not seen, by the labels they were given.

    python benchmarks/learning.py [--folder runs/learning] [--models unet,pointgroup] [--epochs 130]

24 training and 8 validation rooms, the steps and the protocol of `seggroup tables`. Each model is
trained on full labels of all training rooms; on the pseudo labels of one click an object; and on
full labels of the rooms that the clicks' time buys, for as many steps. Interrupted, it goes on.
Targets, within 40 minutes of training each: mIoU 0.60, AP50 0.45 with full labels; 85 % of that
with pseudo labels; less with the equal-time share.
"""

from pathlib import Path

from common import Table, options, output

from seggroup.cli.tablework import make_rooms, real_work
from seggroup.pipeline.protocol import ROOMS
from seggroup.pipeline.tableplan import Supply
from seggroup.pipeline.tablesteps import Study, fit_of, labels_of, score_of

LABELS = {
    "full labels": Supply("dense"),
    "one click an object": Supply("clicks"),
    "full labels, equal time": Supply("dense", equal=True),
}
MAIN = {"unet": "miou", "kpconv": "miou", "pointgroup": "ap50"}


def rows(study: Study, model: str) -> list[list]:
    """A row for each form of labels, and a row for each time that it was validated."""
    found, full = [], None
    for name, supply in LABELS.items():
        labels = labels_of(study, supply)
        fit = fit_of(study, labels, model)
        figures = score_of(study, fit, model).result["figures"]
        reached = figures[MAIN[model]]
        full = full or reached
        scenes, minutes = len(labels.result["scenes"]), labels.result["minutes"]
        trained = fit.result["seconds"] / 60
        epochs = len(fit.result["history"])
        found.append([name, scenes, minutes, epochs, trained, reached, reached / full])
        curve = [
            (i + 1, epoch["validation"][MAIN[model]])
            for i, epoch in enumerate(fit.result["history"])
            if epoch["validation"]
        ]
        print(f"{model}, {name}: " + ", ".join(f"{e}: {v:.3f}" for e, v in curve), flush=True)
    return found


def main() -> None:
    """Train what is not trained yet, and print a table for each model."""
    arguments = options(
        __doc__,
        folder={"type": Path, "default": Path("runs/learning")},
        models={"default": "unet,pointgroup"},
        epochs={"type": int, "default": 130},
        jobs={"type": int, "default": 2},
    )
    split = make_rooms(arguments.folder, 24, 8, arguments.jobs, 0)
    protocol = ROOMS.with_epochs(arguments.epochs)
    study = Study(arguments.folder, split, protocol, real_work(arguments.jobs, "auto"))
    for supply in LABELS.values():
        labels_of(study, supply)
    head = ["labels", "rooms", "labelling, min", "epochs", "training, min"]
    tables = [
        Table(f"{model}, {arguments.epochs} epochs", [*head, MAIN[model], "of full"], made)
        for model in filter(None, arguments.models.split(","))
        if (made := rows(study, model))
    ]
    output(tables, arguments.json)


if __name__ == "__main__":
    main()
