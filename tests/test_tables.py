"""The tables' plan, protocol and steps, with fake work behind them."""

import json
from dataclasses import replace

import numpy as np
import pytest
from toy_files import write_toy
from toy_tables import FakeWork, toy_study

from seggroup.cli import main
from seggroup.cli.tablework import Steps, find_protocol, make_rooms, make_tables
from seggroup.cli.tabling import parse
from seggroup.errors import InputError
from seggroup.evaluate.papertables import MECHANICAL, PAPER_TABLES, SEG
from seggroup.io.files import read_json
from seggroup.io.scenes import find_scenes
from seggroup.io.store import labels_file, read_labels, sets_file
from seggroup.pipeline.protocol import ROOMS, SCANNET, find_split
from seggroup.pipeline.tableplan import ROWS, Supply, rows_of
from seggroup.pipeline.tables import RowResult, Run, remake, run_row
from seggroup.pipeline.tablesteps import labels_of

FITS = 21  # trainings behind all rows, two of them of class sets for Table 1 and one for Table 5


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("os.fsync", lambda handle: None)


def row(table, name, group=None):
    return next(r for r in ROWS if (r.table, r.name) == (table, name) and group in (None, r.group))


@pytest.mark.parametrize(
    ("table", "name", "figures"),
    [
        (2, "SegGroup (PointGroup)", (24.6, 44.5, 63.7)),
        (3, "PointGroup", (9.4, 19.9, 36.4)),
        (4, "MPRM (KPConv)", (41.1,)),
        (5, "CSC-50 (MinkowskiNet)", (62.9,)),
        (6, "Top-2 segment", (25.0, 43.9, 62.6)),
    ],
)
def test_the_papers_figures(table, name, figures):
    assert tuple(row(table, name).paper.figures.values()) == figures


def test_table_1_as_printed_has_the_means_of_its_classes():
    for paper in PAPER_TABLES[1].rows:
        *classes, mean = paper.figures.values()
        assert list(paper.figures) == [*list(PAPER_TABLES[1].metrics)[1:], "miou"]
        assert abs(np.mean(classes) - mean) < 0.06


def test_every_row_has_its_figures_in_the_paper_but_the_added_u_nets():
    without = {(r.table, r.name) for r in ROWS if r.paper is None}
    u_nets = {(4, "U-Net"), (4, "SegGroup (U-Net)"), (5, "U-Net"), (5, "SegGroup (U-Net)")}
    assert without == u_nets
    assert {r.table for r in ROWS} == set(PAPER_TABLES)
    assert all(r.model is not None or r.table == 1 for r in ROWS)


def test_rows_share_their_trainings(tmp_path):
    fake = FakeWork(lambda supply, minutes: 1)
    remake(ROWS, [toy_study(tmp_path, fake)])
    assert len(fake.fits) == len(set(fake.fits)) == FITS
    assert fake.calls["group"] == fake.calls["click"] == 4  # top1, top2, top3, noisy
    assert fake.calls["annotate"] == 7  # dense, its share, subclouds, their share, tags, CSC twice
    assert fake.calls["restricted"] == 3


def test_a_second_seed_does_all_but_what_is_not_drawn_again(tmp_path):
    fake = FakeWork(lambda supply, minutes: 1)
    studies = [toy_study(tmp_path, fake, seed) for seed in (3, 4)]
    results = remake(ROWS, studies)
    assert len(set(fake.fits)) == 2 * FITS
    assert {seed for _, _, seed in fake.fits} == {3, 4}
    assert fake.calls["annotate"] == 7 + 5  # dense labels of all scenes and scene tags: once
    assert all(len(result.runs) == 2 for result in results)


@pytest.mark.parametrize("place", ["clicks-top1", "kpconv-dense-", "score-unet", "activation"])
def test_interrupted_work_resumes_and_finished_steps_are_not_redone(tmp_path, place):
    plain = FakeWork(lambda supply, minutes: 2)
    rows = rows_of((1, 5))
    wanted = remake(rows, [toy_study(tmp_path / "plain", plain)])
    fake = FakeWork(lambda supply, minutes: 2)
    study = toy_study(tmp_path / "cut", fake)
    fake.broken = place
    seen = []
    with pytest.raises(KeyboardInterrupt):
        remake(rows, [study], lambda results: seen.append(sum(len(r.runs) for r in results)))
    before = fake.calls.total()
    assert seen == [*range(1, len(seen) + 1)]
    fake.broken = ""
    results = remake(rows, [study])
    figures = [[run.figures for run in result.runs] for result in results]
    assert figures == [[run.figures for run in result.runs] for result in wanted]
    assert fake.calls.total() <= plain.calls.total() + 2  # the step that was cut, once more
    assert before < plain.calls.total()
    remake(rows, [study])
    assert fake.calls.total() <= plain.calls.total() + 2


def test_a_changed_number_redoes_only_what_depends_on_it(tmp_path):
    fake = FakeWork(lambda supply, minutes: 1)
    remake(ROWS, [toy_study(tmp_path, fake)])
    kpconv = replace(ROOMS.kpconv, fit=replace(ROOMS.kpconv.fit, epochs=7))
    fake.calls.clear()
    fake.fits.clear()
    remake(ROWS, [toy_study(tmp_path, fake, protocol=replace(ROOMS, kpconv=kpconv))])
    assert {model for model, _, _ in fake.fits} == {"kpconv"}
    assert fake.calls["annotate"] == fake.calls["group"] == fake.calls["click"] == 0
    fake.calls.clear()
    remake(ROWS, [toy_study(tmp_path, fake, protocol=replace(ROOMS, seggroup_epochs=9))])
    assert fake.calls["group"] == 4
    assert fake.calls["fit"] == 6  # SegGroup's: three models, and three other manners


def test_other_scenes_are_other_work(tmp_path):
    fake = FakeWork()
    study = toy_study(tmp_path, fake)
    labels_of(study, Supply("dense"))
    study.split.training[0].scan.write_text("another scan")
    labels_of(study, Supply("dense"))
    assert fake.calls["annotate"] == 2


def test_every_option_of_the_protocol_is_in_the_names_of_steps(tmp_path):
    fake = FakeWork()
    study = toy_study(tmp_path, fake)
    short = toy_study(tmp_path, fake, protocol=ROOMS.with_epochs(3))
    dense = row(4, "KPConv")
    for some in (study, short, replace(study, protocol=replace(ROOMS, rotations=5))):
        run_row(some, dense)
    assert (fake.calls["annotate"], fake.calls["fit"], fake.calls["predict"]) == (1, 2, 3)


def test_a_rows_figures_costs_and_curve(tmp_path):
    study = toy_study(tmp_path, FakeWork(lambda supply, minutes: 2))
    dense = run_row(study, row(3, "PointGroup"))
    assert dense.figures == {"ap": 0.2, "ap50": 0.5, "ap25": 0.6}
    assert (dense.scenes, dense.minutes, dense.seconds, dense.peak_mb) == (2, 44.6, 60.0, 800.0)
    assert [epoch["loss"] for epoch in dense.curve] == [2, 1, 2 / 3, 0.5]
    assert dense.curve[2]["miou"] == 0.2
    clicks = run_row(study, row(1, "Level 2"))
    assert (clicks.scenes, clicks.minutes, clicks.seconds) == (6, 12.0, 0.0)
    assert clicks.figures["wall"] == clicks.figures["miou"] == 0.2
    assert clicks.figures["sink"] is None  # no number, as it was counted
    tags = run_row(study, row(1, "MPRM, scene"))
    assert tags.figures["miou"] == 0.474
    assert tags.label_seconds == 60.0


@pytest.mark.parametrize(("bought", "times"), [(6, 1), (3, 2), (2, 3), (1, 6)])
def test_few_scenes_are_trained_on_for_as_many_steps(tmp_path, bought, times):
    """Six training scenes, one a step; a share of them is seen more often."""
    fake = FakeWork(lambda supply, minutes: bought)
    run_row(toy_study(tmp_path, fake), row(5, "KPConv"))
    assert fake.epochs == [times * ROOMS.kpconv.fit.epochs]


def test_a_budget_that_buys_nothing_leaves_a_note(tmp_path):
    fake = FakeWork(lambda supply, minutes: 0)
    study = toy_study(tmp_path, fake)
    for name in ("KPConv", "MPRM (KPConv)"):
        run = run_row(study, row(5, name))
        assert run.figures == {}
        assert "does not buy" in run.note
    assert fake.calls["fit"] == 0


def test_real_clicks_take_the_place_of_the_simulated_ones(tmp_path):
    fake = FakeWork()
    folder = tmp_path / "clicks"
    folder.mkdir()
    for i in range(8):
        (folder / f"scene{i:04d}_00.clicks.json").write_text("{}")
    study = toy_study(tmp_path, fake, clicks=folder)
    main = labels_of(study, Supply("clicks"))
    assert labels_of(study, Supply("clicks", style="manual")).folder == main.folder
    assert labels_of(study, Supply("clicks", style="top1")).folder != main.folder
    (folder / "scene0003_00.clicks.json").write_text("[]")
    assert labels_of(study, Supply("clicks")).folder != main.folder


def test_mean_and_spread_over_seeds():
    runs = [Run({"miou": value}, 1, 1.0) for value in (0.5, 0.6, 0.7)]
    result = RowResult(row(4, "KPConv"), [*runs, Run({"miou": None}, 1, 1.0), Run({}, 0, 0.0)])
    assert result.mean("miou") == pytest.approx(60)
    assert result.spread("miou") == pytest.approx(10)
    assert RowResult(row(4, "KPConv"), runs[:1]).spread("miou") is None
    assert RowResult(row(4, "KPConv")).mean("miou") is None


@pytest.mark.parametrize(
    ("words", "numbers", "paths"),
    [
        ([], range(1, 7), []),
        (["all"], range(1, 7), []),
        (["3", "1", "scans"], (1, 3), ["scans"]),
        (["scans", "3"], range(1, 7), ["scans", "3"]),
    ],
)
def test_tables_are_named_before_scenes(words, numbers, paths):
    assert parse(words)[0] == tuple(numbers)
    assert list(map(str, parse(words)[1])) == paths


def test_a_table_the_paper_does_not_have():
    with pytest.raises(InputError, match="no table 7 to remake"):
        rows_of(parse(["7"])[0])


def scannet_root(folder, scenes, train, val, inner="."):
    """A toy in ScanNet's layout with its lists."""
    for i, name in enumerate(scenes):
        toy = write_toy(folder / "scans" / name, f"{name}_vh_clean_2", seed=i, side=6)
        toy.with_name(f"{name}.aggregation.json").write_text("{}")
    (folder / inner).mkdir(exist_ok=True, parents=True)
    (folder / inner / "scannetv2_train.txt").write_text("\n".join(train))
    (folder / inner / "scannetv2_val.txt").write_text("\n".join(val))
    return folder


@pytest.mark.parametrize("inner", [".", "Tasks/Benchmark"])
@pytest.mark.parametrize("given", [".", "scans"])
def test_scannets_lists_part_its_scenes(tmp_path, inner, given):
    scenes = ["scene0000_00", "scene0000_01", "scene0011_00"]
    train, val = ["scene0000_00", "scene0000_01", "scene0001_00"], ["scene0011_00"]
    root = scannet_root(tmp_path, scenes, train, val, inner)
    split = find_split([root / given])
    assert [s.name for s in split.training] == train[:2]
    assert [s.name for s in split.validation] == val
    assert split.lists
    assert split.note == "1 of the 4 listed scenes are not in the folder."
    assert find_protocol("auto", split, None) is SCANNET
    assert find_protocol("rooms", split, None) is ROOMS
    assert find_protocol("auto", split, 3).kpconv.fit.epochs == 3


def test_scenes_without_lists_are_parted_by_room(tmp_path):
    names = [f"scene{room:04d}_{scan:02d}" for room in range(6) for scan in range(2)]
    for name in names:
        write_toy(tmp_path, name, side=6)
    split = find_split([tmp_path])
    rooms = [{s.name[:9] for s in side} for side in (split.training, split.validation)]
    assert not rooms[0] & rooms[1]
    assert (len(rooms[0]), len(rooms[1])) == (4, 2)
    assert split == find_split([tmp_path])
    assert "every fourth room validates" in split.note
    assert find_protocol("auto", split, None) is ROOMS


def test_what_cannot_be_parted_or_measured_is_refused(tmp_path):
    one = write_toy(tmp_path / "one", "room_00", side=6)
    with pytest.raises(InputError, match="no scene to train on"):
        find_split([one])
    root = scannet_root(tmp_path / "root", ["scene0000_00"], ["scene0000_00"], ["scene0011_00"])
    with pytest.raises(InputError, match="no scene to validate on"):
        find_split([root])
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("a", "b"):
        text = "\n".join(f"{i} {i % 7} {i % 3}" for i in range(60))
        (bare / f"{name}.xyz").write_text(text)
    with pytest.raises(InputError, match="has no ground truth"):
        find_split([bare])


def test_the_real_steps_before_training(tmp_path):
    for i in range(4):
        write_toy(tmp_path / "scans", f"room{i}", seed=i)
    sources = find_scenes([tmp_path / "scans"])
    steps = Steps(1, "cpu")
    clicks = steps.click(sources, "top1", None, 0, tmp_path / "clicks")
    assert clicks["minutes"] == pytest.approx(4 * (68 + 1.5 * 4) / 60)
    real = steps.click(sources, "top1", tmp_path / "clicks", 0, tmp_path / "imported")
    assert real == clicks
    for _ in range(2):  # begun again it gives the same
        dense = steps.annotate(sources, Supply("dense", equal=True), 50.0, 0, tmp_path / "dense")
        assert len(dense["scenes"]) == 2
        assert dense["minutes"] == pytest.approx(44.6)
    assert len(list((tmp_path / "dense").glob("*.npz"))) == 2
    points = steps.annotate(sources, Supply("active", number=5), None, 0, tmp_path / "points")
    assert points["scenes"] == [source.name for source in sources]
    labels = read_labels(labels_file(tmp_path / "points", "room0"), 24 * 24)
    assert 0 < (labels.instance >= 0).sum() <= 5
    steps.annotate(sources, Supply("scene"), None, 0, tmp_path / "tags")
    assert sets_file(tmp_path / "tags", "room3").exists()
    none = steps.annotate(sources, Supply("dense", equal=True), 1.0, 0, tmp_path / "none")
    assert none == {"scenes": [], "minutes": 0}


def test_the_pages_are_written_after_every_row(tmp_path):
    fake = FakeWork(lambda supply, minutes: 1)
    study = toy_study(tmp_path, fake)
    fake.broken = "pointgroup-seggroup-clicks-top2"
    rows = rows_of((6,))
    with pytest.raises(KeyboardInterrupt):
        make_tables(rows, study.out, study.split, ROOMS, fake.work, [0])
    written = read_json(study.out / "tables.json")["tables"][0]["rows"]
    assert [len(r["runs"]) for r in written] == [1, 1, 0, 0]
    fake.broken = ""
    make_tables(rows, study.out, study.split, ROOMS, fake.work, [0])
    written = read_json(study.out / "tables.json")["tables"][0]["rows"]
    assert [len(r["runs"]) for r in written] == [1, 1, 1, 1]
    assert written[1]["group"] == MECHANICAL
    assert PAPER_TABLES[6].row("Top-1 segment", SEG) is None


def run(monkeypatch, capsys, *words):
    """The program's exit code, output and messages."""
    monkeypatch.setattr("sys.argv", ["seggroup", *map(str, words)])
    try:
        main()
    except SystemExit as stop:
        code = stop.code or 0
    else:
        code = 0
    return code, *capsys.readouterr()


def test_the_command(tmp_path, monkeypatch, capsys):
    fake = FakeWork(lambda supply, minutes: 1)
    monkeypatch.setattr("seggroup.cli.tablework.real_work", lambda jobs, device: fake.work)
    for name in ("a", "b", "c", "d", "e"):
        write_toy(tmp_path / "scans", name, side=6)
    words = ("tables", 3, 5, tmp_path / "scans", "-o", tmp_path / "out", "--seeds", 2)
    code, out, _ = run(monkeypatch, capsys, *words, "--json", "--epochs", 3, "--seed", 7)
    assert code == 0
    values = json.loads(out)
    assert [table["table"] for table in values["tables"]] == [3, 5]
    assert values["seeds"] == [7, 8]
    assert values["protocol"]["unet"]["fit"]["epochs"] == 3
    assert (len(values["training_scenes"]), len(values["validation_scenes"])) == (3, 2)
    assert read_json(tmp_path / "out" / "tables.json") == values
    code, out, _ = run(monkeypatch, capsys, *words)
    assert code == 0
    assert "80 % of the AP50 that PointGroup reaches with full labels for the same" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["0"], "no table 0 to remake; name some of 1 to 6"),
        (["3", "nowhere"], "does not exist"),
        (["--rooms", "0"], "--rooms"),
    ],
)
def test_wrong_usage(tmp_path, monkeypatch, capsys, words, message):
    code, out, err = run(monkeypatch, capsys, "tables", *words, "-o", tmp_path)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())


def test_validation_rooms_stay_when_training_rooms_are_added(tmp_path, monkeypatch):
    def synthesize(number, out, seed):
        name = f"synth{number:04d}_00"
        write_toy(out / "scans" / name, f"{name}_vh_clean_2", side=6)
        return {"scene": name}

    monkeypatch.setattr("seggroup.pipeline.synthesize", synthesize)
    small, large = make_rooms(tmp_path, 2, 2, 1, 0), make_rooms(tmp_path, 3, 2, 1, 0)
    assert [source.name for source in large.training] == [f"synth000{i}_00" for i in range(3)]
    assert small.training == large.training[:2]
    assert small.validation == large.validation
    assert [source.name for source in large.validation] == ["synth5000_00", "synth5001_00"]
