"""Previews against the random walk from scratch, their laws, and what stands in a reason."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from toy_rooms import boxes_room
from toy_scenes import random_scene, toy_scene

from seggroup.assign.labels import know, shares
from seggroup.assign.weights import BOX
from seggroup.classes import NYU40
from seggroup.config import NetworkConfig
from seggroup.errors import InputError
from seggroup.geometry.prepare import prepare
from seggroup.io.scenes import find_scenes
from seggroup.labels.clicks import seg_level_labels
from seggroup.labels.simulate import simulate
from seggroup.model.checkpoint import save_network
from seggroup.model.network import build
from seggroup.pipeline import load_scene
from seggroup.pipeline.spreading import assigner, by_assigner, doubts
from seggroup.propagate import propagate
from seggroup.server.live import SUGGESTIONS, LiveScene, dense, settled
from seggroup.server.protocol import ImportedClick, PreviewRequest
from seggroup.types import NONE, Clicks
from seggroup.walk import random_walk, surface_normals


def rows(clicks, segment=0):
    """Clicks as the page sends them."""
    columns = (clicks.vertex, clicks.instance, clicks.semantic)
    return [
        ImportedClick(int(v), segment, int(i), int(c)) for v, i, c in zip(*columns, strict=True)
    ]


def simulated(scene, style="random", seed=0, count=None):
    """The clicks of a simulated annotator, the first `count`."""
    clicks = simulate(scene, style, np.random.default_rng(seed))
    return Clicks(clicks.vertex[:count], clicks.instance[:count], clicks.semantic[:count])


def assert_like_the_walk(scene, clicks, live=None):
    """A preview has the instances of `random_walk`, and its confidence in 255 steps."""
    request = PreviewRequest(rows(clicks), "walk")
    head, instance, confidence = (live or LiveScene(scene)).preview(request)
    labels = seg_level_labels(clicks, scene.segments)
    walked = random_walk(scene, surface_normals(scene.scan), labels)
    np.testing.assert_array_equal(instance, walked.instance)
    np.testing.assert_array_equal(confidence, np.rint(255 * walked.confidence))
    return head


@pytest.fixture(scope="module")
def boxes():
    """A room with 30 boxes on its floor, segmented by its own pieces."""
    scan, truth = boxes_room()
    return prepare(scan, None, truth)


@pytest.mark.parametrize("seed", range(12))
def test_a_preview_is_the_walk_from_scratch(seed):
    scene = random_scene(seed)
    live = LiveScene(scene)
    clicks = simulated(scene, seed=seed)
    for count in range(1, len(clicks) + 1):
        some = Clicks(clicks.vertex[:count], clicks.instance[:count], clicks.semantic[:count])
        assert_like_the_walk(scene, some, live)


def test_a_preview_of_a_room_in_pieces_is_the_walk_from_scratch(boxes):
    live = LiveScene(boxes)
    for count in (1, 2, 7, 20):
        assert_like_the_walk(boxes, simulated(boxes, "top1", count=count), live)


def test_a_preview_of_a_real_scan_is_the_walk_from_scratch(real_data):
    scene = load_scene(find_scenes([real_data / "scannet/scans/scene0000_00"])[0])
    head = assert_like_the_walk(scene, simulated(scene, "top1"))
    assert len(head.suggestions) == SUGGESTIONS


@pytest.mark.parametrize("seed", range(8))
def test_clicked_segments_keep_their_instance_and_are_sure(seed):
    scene = random_scene(seed)
    clicks = simulated(scene, seed=seed, count=4)
    _, instance, confidence = LiveScene(scene).preview(PreviewRequest(rows(clicks), "walk"))
    clicked = scene.segments[clicks.vertex]
    assert (instance[clicked] == clicks.instance).all()
    assert (confidence[clicked] == 255).all()
    assert set(instance) <= set(clicks.instance)


@pytest.mark.parametrize("seed", range(8))
def test_suggestions_are_distinct_by_gain_and_not_clicked(seed):
    scene = random_scene(seed)
    clicks = simulated(scene, seed=seed, count=3)
    declined = scene.segment_ids[[5, 6, 6]].tolist()
    request = PreviewRequest(rows(clicks), "walk", declined)
    head, _, _ = LiveScene(scene).preview(request)
    segments = [s.segment for s in head.suggestions]
    assert len(set(segments)) == len(segments) == SUGGESTIONS
    assert not set(segments) & {*scene.segment_ids[scene.segments[clicks.vertex]], *declined}
    gains = [s.gain for s in head.suggestions]
    assert gains == sorted(gains, reverse=True)
    assert min(gains) > 0
    assert max(gains) <= 1
    for s in head.suggestions:
        assert scene.segment_ids[scene.segments[s.vertex]] == s.segment
    again, _, _ = LiveScene(scene).preview(request)
    assert again.suggestions == head.suggestions


def test_the_suggested_vertex_is_the_one_nearest_the_centroid_of_its_segment(boxes):
    head, _, _ = LiveScene(boxes).preview(PreviewRequest([], "walk"))
    for s in head.suggestions:
        own = boxes.scan.vertices[boxes.segments == boxes.segments[s.vertex]].astype(float)
        distance = np.linalg.norm(own - own.mean(axis=0), axis=1)
        mine = np.linalg.norm(boxes.scan.vertices[s.vertex] - own.mean(axis=0))
        assert mine == pytest.approx(distance.min())


def test_without_clicks_nothing_is_labelled_and_the_largest_surface_comes_first(boxes):
    head, instance, confidence = LiveScene(boxes).preview(PreviewRequest([]))
    assert (instance == NONE).all()
    assert (confidence == 0).all()
    assert len(head.suggestions) == SUGGESTIONS
    floor = head.suggestions[0]
    assert boxes.truth.instance[floor.vertex] == 0
    assert floor.reason.startswith("no label nearby: level surface of 36.0 m², ")
    assert head.milliseconds > 0


def test_once_the_floor_is_clicked_the_boxes_are_suggested(boxes):
    floor = rows(simulated(boxes, "top1"))[:1]
    assert floor[0].instance == 0
    head, _, _ = LiveScene(boxes).preview(PreviewRequest(floor))
    boxes_suggested = boxes.truth.instance[[s.vertex for s in head.suggestions]]
    assert (boxes_suggested > 0).all()
    assert len(set(boxes_suggested)) == SUGGESTIONS  # one place each


def test_declined_places_give_way_until_they_are_clicked(boxes):
    live = LiveScene(boxes)
    first = live.preview(PreviewRequest([]))[0].suggestions[0]
    after = live.preview(PreviewRequest([], declined=[first.segment]))[0].suggestions
    assert first.segment not in {s.segment for s in after}
    click = [ImportedClick(first.vertex, first.segment, 4, 2)]
    clicked = live.preview(PreviewRequest(click))
    both = live.preview(PreviewRequest(click, declined=[first.segment]))
    assert both[0].suggestions == clicked[0].suggestions


def test_reasons_tell_what_is_torn_what_is_far_and_what_is_alone():
    """A row of ten between two instances, and a piece of its own."""
    chain = [(i, i + 1) for i in range(9)]
    scene = toy_scene([{0: 9}] * 11, chain, {})
    ends = [scene.segments.tolist().index(s) for s in (0, 9)]
    clicks = [ImportedClick(ends[0], 0, 31, 5), ImportedClick(ends[1], 0, 7, 5)]
    scene.scan.normals[:] = [0, 0, 1]
    scene.scan.colors[:] = 99
    head, _, _ = LiveScene(scene).preview(PreviewRequest(clicks, "walk"))
    reason_of = {s.segment: s.reason for s in head.suggestions}
    alone = reason_of[scene.segment_ids[10]]
    assert alone == "no label nearby: level surface, 9.1 % of the scan"
    middle = [r for s, r in reason_of.items() if s in scene.segment_ids[3:7]]
    assert middle[0] in (
        "torn between instances 31 and 7 (56 % and 44 %)",
        "torn between instances 7 and 31 (56 % and 44 %)",
    )
    one, _, _ = LiveScene(scene).preview(PreviewRequest(clicks[:1], "walk"))
    reasons = {s.segment: s.reason for s in one.suggestions}
    far = [reasons[s] for s in scene.segment_ids[2:6] if s in reasons]
    assert any(r.startswith("probably instance 31, but far from its click: level") for r in far)


def test_of_two_clicks_in_a_segment_and_two_classes_the_later_counts():
    scene = random_scene(1)
    a, b = np.flatnonzero(scene.segments == 4)[:2].tolist()
    c = int(np.flatnonzero(scene.segments == 9)[0])
    clicks = [ImportedClick(a, 0, 1, 5), ImportedClick(c, 0, 2, 6), ImportedClick(b, 0, 2, 7)]
    kept = settled(clicks, scene.segments)
    assert sorted(zip(kept.vertex, kept.instance, kept.semantic, strict=True)) == sorted(
        [(b, 2, 7), (c, 2, 7)]
    )
    _, instance, _ = LiveScene(scene).preview(PreviewRequest(clicks))
    assert (instance == 2).all()


def test_instance_numbers_may_be_as_large_as_the_protocol_allows():
    scene = random_scene(2)
    clicks = [ImportedClick(0, 0, 2**31 - 1, 3), ImportedClick(len(scene.segments) - 1, 0, 5, 3)]
    _, instance, _ = LiveScene(scene).preview(PreviewRequest(clicks))
    assert set(instance) == {5, 2**31 - 1}


def test_what_the_scan_does_not_have_is_refused():
    scene = random_scene(0)
    live, beyond = LiveScene(scene), len(scene.segments)
    with pytest.raises(InputError, match=f"vertex {beyond} is outside the scan"):
        live.preview(PreviewRequest([ImportedClick(beyond, 0, 0, 0)]))
    with pytest.raises(InputError, match="no segment 1000000"):
        live.preview(PreviewRequest([], declined=[1_000_000]))
    with pytest.raises(InputError, match="no trained network was given"):
        live.preview(PreviewRequest([], "network"))


def test_segments_by_their_ids():
    assert dense([7, 3, 7], np.array([1, 3, 7], np.int32)).tolist() == [1, 2]
    assert dense([], np.array([1, 3, 7], np.int32)).tolist() == []


def test_a_scene_of_one_segment():
    scene = toy_scene([{0: 9}], [], {0: 5})
    live = LiveScene(scene)
    head, instance, _ = live.preview(PreviewRequest([]))
    assert instance.tolist() == [NONE]
    assert [(s.segment, s.gain) for s in head.suggestions] == [(0, 1.0)]
    request = PreviewRequest([ImportedClick(3, 0, 2, 5)], "walk")
    head, instance, confidence = live.preview(request)
    assert (instance.tolist(), confidence.tolist()) == ([2], [255])
    assert head.suggestions == []


def test_many_threads_get_what_one_gets():
    scene = random_scene(3, nodes=200, instances=20)
    clicks = rows(simulated(scene, "top1"))
    requests = [PreviewRequest(clicks[: 1 + i % len(clicks)], "walk") for i in range(60)]
    live = LiveScene(scene)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(live.preview, requests))
    for request, (head, instance, confidence) in zip(requests, found, strict=True):
        alone, instance_alone, confidence_alone = LiveScene(scene).preview(request)
        assert head.suggestions == alone.suggestions
        np.testing.assert_array_equal(instance, instance_alone)
        np.testing.assert_array_equal(confidence, confidence_alone)


@pytest.mark.parametrize("offset", [0, 2**31 - 10])
def test_the_network_s_preview_is_its_propagation(tmp_path, offset):
    import torch

    scene = random_scene(5)
    network = build(tuple(NYU40), NetworkConfig(samples=8), 0).eval()
    path = tmp_path / "network.safetensors"
    save_network(path, network, tuple(NYU40))
    clicks = simulated(scene)
    shifted = Clicks(clicks.vertex, clicks.instance + np.int32(offset), clicks.semantic)
    live = LiveScene(scene, path, "cpu")
    head, instance, confidence = live.preview(PreviewRequest(rows(shifted), "network"))
    labels = seg_level_labels(clicks, scene.segments)
    final = propagate(network, scene, clicks, labels, torch.device("cpu"))["final"]
    assert head.method == "network"
    np.testing.assert_array_equal(instance, final.instance + np.int32(offset))
    np.testing.assert_array_equal(confidence, np.rint(255 * final.confidence))
    walk = live.preview(PreviewRequest(rows(shifted), "walk"))[0]
    assert [s.segment for s in walk.suggestions] == [s.segment for s in head.suggestions]


# --- the assigner ---


def parts_of(scene, clicks):
    """What `seggroup propagate --method assign` gives, a vertex each."""
    network = assigner(None)
    found = by_assigner(network, know(network, scene), clicks)
    return found.levels["final"].at(found.part)


@pytest.mark.parametrize("offset", [0, 2**31 - 40])
def test_an_assigned_segment_has_the_label_of_most_of_its_pieces(boxes, offset):
    clicks = simulated(boxes, "top1", count=12)
    shifted = Clicks(clicks.vertex, clicks.instance + np.int32(offset), clicks.semantic)
    live = LiveScene(boxes)
    head, instance, confidence = live.preview(PreviewRequest(rows(shifted), "assign"))
    assert head.method == "assign"
    assert head.doubtful == []  # not asked for
    network = assigner(None)
    known = know(network, boxes)
    found = shares(network, known, clicks)
    piece, share = known.pieces.piece, found.share.copy()
    for vertex, number in zip(clicks.vertex, clicks.instance, strict=True):
        share[piece[vertex]] = found.numbers == number
    clicked = {
        int(boxes.segments[v]): int(n) for v, n in zip(clicks.vertex, clicks.instance, strict=True)
    }
    for segment in range(boxes.graph.size):  # slow twin: the mean over the segment's vertices
        mean = share[piece[boxes.segments == segment]].astype(float).mean(axis=0)
        number = clicked.get(segment, int(found.numbers[mean.argmax()]))
        assert instance[segment] == number + offset
        sure = mean[found.numbers.tolist().index(number)]
        assert abs(int(confidence[segment]) - 255 * sure) <= 1


def test_an_assigned_preview_names_doubtful_clicks_when_asked_and_overrules_none(boxes):
    clicks = simulated(boxes, "top1", count=12)
    network = assigner(None)
    known = know(network, boxes)
    wrong = Clicks(clicks.vertex, clicks.instance, np.full(len(clicks), 33, np.int32))  # toilets
    request = PreviewRequest(rows(wrong), "assign", doubts=True)
    head, instance, _ = LiveScene(boxes).preview(request)
    expected = doubts(network, known, wrong)
    assert expected, "a room of toilets is doubted"
    assert [(d.vertex, d.instance, d.reason) for d in head.doubtful] == [
        (row["vertex"], row["instance"], row["reason"]) for row in expected
    ]
    for d in head.doubtful:
        assert boxes.segment_ids[boxes.segments[d.vertex]] == d.segment
    np.testing.assert_array_equal(instance[boxes.segments[wrong.vertex]], wrong.instance)


def test_an_assigned_preview_without_clicks_labels_nothing_and_suggests(boxes):
    live = LiveScene(boxes)
    for request in (PreviewRequest([], "assign"), PreviewRequest([], "assign", doubts=True)):
        head, instance, confidence = live.preview(request)
        assert (instance == NONE).all()
        assert not confidence.any()
        segments = [suggestion.segment for suggestion in head.suggestions]
        assert 0 < len(segments) == len(set(segments))
        assert head.doubtful == []


def test_the_scan_is_read_once_however_many_ask(boxes, monkeypatch):
    read = []
    monkeypatch.setattr("seggroup.assign.labels.know", lambda *a: read.append(a) or know(*a))
    live = LiveScene(boxes)
    clicks = rows(simulated(boxes, "top1", count=3))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(live.preview, [PreviewRequest(clicks, "assign")] * 8))
    assert len(read) == 1
    for _, instance, confidence in found[1:]:
        np.testing.assert_array_equal(instance, found[0][1])
        np.testing.assert_array_equal(confidence, found[0][2])


@pytest.mark.parametrize("method", ["walk", "assign"])
def test_what_is_exported_is_what_propagate_gives_by_the_default_method(boxes, monkeypatch, method):
    monkeypatch.setattr("seggroup.server.live.DEFAULT_METHOD", method)
    clicks = simulated(boxes, "top1", count=9)
    far = Clicks(clicks.vertex, clicks.instance + np.int32(10**9), clicks.semantic)
    found = LiveScene(boxes).labels(far)
    if method == "walk":
        labels = seg_level_labels(clicks, boxes.segments)
        expected = random_walk(boxes, surface_normals(boxes.scan), labels).at(boxes.segments)
    else:
        expected = parts_of(boxes, clicks)
    np.testing.assert_array_equal(found.semantic, expected.semantic)
    np.testing.assert_array_equal(found.instance, expected.instance + np.int32(10**9))
    np.testing.assert_array_equal(found.confidence, expected.confidence)


def test_weights_of_an_assigner_are_no_network_for_the_preview(boxes):
    live = LiveScene(boxes, BOX)
    with pytest.raises(InputError, match="no trained network was given"):
        live.preview(PreviewRequest([], "network"))
    clicks = rows(simulated(boxes, "top1", count=3))
    mine, boxed = (
        one.preview(PreviewRequest(clicks, "assign"))[1] for one in (live, LiveScene(boxes))
    )
    np.testing.assert_array_equal(mine, boxed)


def test_a_network_without_clicks_labels_nothing(tmp_path):
    path = tmp_path / "network.safetensors"
    save_network(path, build(tuple(NYU40), NetworkConfig(samples=8), 0), tuple(NYU40))
    live = LiveScene(random_scene(0), path, "cpu")
    head, instance, _ = live.preview(PreviewRequest([], "network"))
    assert (instance == NONE).all()
    assert head.suggestions


def test_the_assigner_suggests_in_segments_without_a_click_or_a_refusal(boxes):
    live = LiveScene(boxes)
    before = live.preview(PreviewRequest([], "assign"))[0].suggestions
    clicked = ImportedClick(before[0].vertex, before[0].segment, 3, 5)
    after, instance, _ = live.preview(
        PreviewRequest([clicked], "assign", declined=[before[1].segment])
    )
    segments = [suggestion.segment for suggestion in after.suggestions]
    assert segments
    assert not {before[0].segment, before[1].segment} & set(segments)
    assert instance[np.searchsorted(boxes.segment_ids, before[0].segment)] == 3
    gains = [suggestion.gain for suggestion in after.suggestions]
    assert gains == sorted(gains, reverse=True)
