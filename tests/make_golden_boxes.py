"""What labelling the toy room must export: ``python tests/make_golden_boxes.py OUT.json``.

The authors' from-scratch form of one click on the top of every box and on the floor, class by
class, made without the server and the page that the browser test goes through.
"""

import sys
from pathlib import Path

from toy_rooms import boxes_room, targets

from seggroup.geometry.prepare import prepare
from seggroup.io.files import write_json

scan, truth = boxes_room()
scene = prepare(scan)
rows = sorted(targets(scan, truth), key=lambda target: target["semantic"])
segment = {row["vertex"]: int(scene.segment_ids[scene.segments[row["vertex"]]]) for row in rows}
golden = {
    str(instance): {
        str(segment[row["vertex"]]): {"semantic": row["class"], "pointIndex": row["vertex"]}
    }
    for instance, row in enumerate(rows)
}
write_json(Path(sys.argv[1]), golden)
