"""The slow twins of the evaluators: one vertex, one pair, one score at a time."""

import math

from seggroup.classes import BENCHMARK18, BENCHMARK20, class_name

THRESHOLDS = [0.5 + 0.05 * i for i in range(9)] + [0.25]


def semantic(pairs, classes=BENCHMARK20):
    hits, union = dict.fromkeys(classes, 0), dict.fromkeys(classes, 0)
    for truth, prediction in pairs:
        for t, p in zip(truth.tolist(), prediction.tolist(), strict=True):
            if t not in hits:
                continue
            union[t] += 1
            if t == p:
                hits[t] += 1
            elif p in union:
                union[p] += 1
    iou = {c: hits[c] / union[c] if union[c] else math.nan for c in classes}
    occurring = [v for v in iou.values() if not math.isnan(v)]
    return {
        "miou": sum(occurring) / len(occurring) if occurring else math.nan,
        "iou": {class_name(c): v for c, v in iou.items()},
        "tp": {class_name(c): v for c, v in hits.items()},
        "denom": {class_name(c): v for c, v in union.items()},
    }


def instance_ap(scenes, class_id, threshold, classes=BENCHMARK18):
    """AP of one class at one threshold; scenes as for `evaluate_instance`."""
    scored, missed, any_truth = [], 0, False
    for truth, predictions in scenes:
        own = [
            (p.confidence, {v for v, inside in enumerate(p.mask.tolist()) if inside})
            for p in predictions
            if p.label_id == class_id
        ]
        own = [(score, vertices) for score, vertices in own if len(vertices) >= 100]
        objects: dict[int, set] = {}
        void = set()
        for v, i in enumerate(truth.tolist()):
            if i // 1000 == class_id:
                objects.setdefault(i, set()).add(v)
            elif i // 1000 not in classes:
                void.add(v)
        claimed = [False] * len(own)
        for i in sorted(objects):
            if len(objects[i]) < 100:
                continue
            any_truth = True
            best = None
            for number, (score, vertices) in enumerate(own):
                if claimed[number] or not _iou(objects[i], vertices) > threshold:
                    continue
                if best is None:
                    best, claimed[number] = score, True
                else:
                    scored.append((min(best, score), False))
                    best = max(best, score)
            if best is None:
                missed += 1
            else:
                scored.append((best, True))
        small = set().union(*(o for o in objects.values() if len(o) < 100))
        for score, vertices in own:
            if any(_iou(o, vertices) > threshold for o in objects.values()):
                continue
            if len(vertices & void | vertices & small) / len(vertices) <= threshold:
                scored.append((score, False))
    return _area(scored, missed) if any_truth else math.nan


def _iou(a, b):
    return len(a & b) / len(a | b)


def _area(scored, missed):
    if not scored:
        return 0.0
    every = sum(true for _, true in scored) + missed
    curve = [(0.0, 1.0)]  # (recall, precision), from the highest score down
    for score in sorted({score for score, _ in scored}, reverse=True):
        above = [true for s, true in scored if s >= score]
        curve.append((sum(above) / every, sum(above) / len(above)))
    area = 0.0
    for i, (recall, precision) in enumerate(curve):
        before = curve[i - 1][0] if i else 0.0
        after = curve[i + 1][0] if i + 1 < len(curve) else recall
        area += precision * (after - before) / 2
    return area


def pseudo(scenes, classes=BENCHMARK20):
    """The IoU tables and accuracies of `evaluate_pseudo`, for truth with classes."""
    hits, union = dict.fromkeys(classes, 0), dict.fromkeys(classes, 0)
    own_hits, own_union = dict.fromkeys(classes, 0), dict.fromkeys(classes, 0)
    right = own_right = points = 0
    for truth, predicted, _ in scenes:
        rows = list(
            zip(
                truth.semantic.tolist(),
                truth.instance.tolist(),
                predicted.semantic.tolist(),
                predicted.instance.tolist(),
                strict=True,
            )
        )
        rows = [row for row in rows if row[0] != -1]
        points += len(rows)
        right += sum(t == p for t, _, p, _ in rows)
        own_right += sum(i == j and i != -1 for _, i, _, j in rows)
        for c in classes:
            hits[c] += sum(t == c and p == c for t, _, p, _ in rows)
            union[c] += sum(t == c or p == c for t, _, p, _ in rows)
        for j in {row[3] for row in rows} - {-1}:
            votes = [p for _, _, p, k in rows if k == j]
            c = max(sorted(set(votes)), key=votes.count)
            if c in own_hits:
                own_hits[c] += sum(i == j and k == j for _, i, _, k in rows)
                own_union[c] += sum(i == j or k == j for _, i, _, k in rows)
    return {
        "semantic_iou": {class_name(c): _share(hits[c], union[c]) for c in classes},
        "instance_iou": {
            class_name(c): _share(own_hits[c], own_union[c]) for c in classes if c > 2
        },
        "semantic_accuracy": right / points,
        "instance_accuracy": own_right / points,
    }


def _share(part, whole):
    return part / whole if whole else math.nan
