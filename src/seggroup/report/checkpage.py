"""The page of `seggroup check`: pictures, classes and findings, in one file."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from seggroup.evaluate.table import per_cent
from seggroup.io.classlist import ClassList
from seggroup.io.files import write_text
from seggroup.report.page import page_html, tiles_html
from seggroup.report.render import palette, render
from seggroup.types import NONE, Labels, Scan

_SIZE = (440, 330)
_SMALL = (240, 180)  # where there are many scenes
_MANY = 100
_LISTED = 200  # findings of a kind that are shown
_BYTES = 30_000  # of a picture at most
_POINTS = 400_000  # of a cloud that are drawn
_WORDS = {"error": "Errors", "warning": "Warnings", "note": "Notes"}
_STYLE = """
.badge { display: inline-block; border-radius: 4px; padding: 0 7px; font-size: 12px;
  font-weight: 600; color: #fff; background: #5d6875; margin-right: 6px; }
.badge.error { background: #b3261e; } .badge.warning { background: #a15c00; }
.findings { border: 1px solid var(--line); border-radius: 8px; padding: 0; margin: 8px 0;
  list-style: none; }
.findings li { padding: 8px 14px; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.findings li:first-child { border-top: 0; }
.findings b { font-weight: 600; }
.findings .remedy { color: var(--soft); font-size: 13px; display: block; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(360px, 1fr)); gap: 18px; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px; min-width: 0; }
.card h3 { margin: 0; overflow-wrap: anywhere; }
.card .strip { grid-template-columns: 1fr 1fr; }
.card p { margin: 2px 0; overflow-wrap: anywhere; }
.bar { display: inline-block; height: 9px; border-radius: 2px; vertical-align: middle;
  min-width: 1px; }
.left { text-align: left; }
summary { font-weight: 400; font-size: 14px; }
@media (max-width: 460px) { .cards { grid-template-columns: 1fr; } }
"""


def write_check(path: Path, result: Mapping[str, Any], classes: ClassList) -> None:
    """Write the page, whole or not at all."""
    write_text(path, check_html(result, classes))


def check_html(result: Mapping[str, Any], classes: ClassList) -> str:
    """The page of a `summary` whose `rows` have their pictures."""
    labelled = result["labelled"]
    tiles = [
        (f"{result['scenes']:,}", "scenes" if result["scenes"] != 1 else "scene"),
        (f"{result['vertices']:,}", "vertices"),
        (f"{result['instances']:,}", "instances"),
        ("–" if labelled is None else f"{per_cent(100 * labelled)} %", "of the vertices labelled"),
        (str(result["errors"]), "errors"),
        (str(result["warnings"]), "warnings"),
    ]
    rows = result["rows"]
    own = {tuple(finding.values()) for row in rows for finding in row["findings"]}
    shared = [one for one in result["findings"] if tuple(one.values()) not in own]
    cards = "".join(_card(row, shared) for row in rows)
    body = [
        tiles_html(tiles),
        *_findings(result["findings"]),
        f'<h2>Scenes</h2><div class="cards">{cards}</div>',
        _classes(result, classes),
    ]
    return page_html("What the scans hold", body, _STYLE)


def thumbnails(
    scan: Scan, labels: Labels | None, classes: ClassList, scenes: int = 1
) -> list[tuple[str, bytes]]:
    """Captioned pictures of a scan as it is, and by its instances or classes; JPEG.

    scenes : how many there are on the page; of many the pictures are smaller
    """
    size = _SMALL if scenes > _MANY else _SIZE
    scan, labels = _thinned(scan, labels)
    pictures = [("scan", _jpeg(render(scan, scan.colors, size)))]
    if labels is None or not np.any((labels.semantic != NONE) | (labels.instance != NONE)):
        return pictures
    if np.any(labels.instance != NONE):
        return [*pictures, ("instances", _jpeg(render(scan, _by_instance(labels), size)))]
    return [*pictures, ("classes", _jpeg(render(scan, _by_class(labels, classes), size)))]


def _thinned(scan: Scan, labels: Labels | None) -> tuple[Scan, Labels | None]:
    """A cloud with fewer points, so that drawing it takes a second at most."""
    step = -(-len(scan.vertices) // _POINTS)
    if scan.is_mesh or step == 1:
        return scan, labels
    kept = np.arange(0, len(scan.vertices), step)
    normals = None if scan.normals is None else scan.normals[kept]
    thin = Scan(scan.name, scan.vertices[kept], scan.colors[kept], scan.faces, normals)
    return thin, None if labels is None else labels.at(kept)


def _by_instance(labels: Labels) -> UInt8[np.ndarray, "v 3"]:
    numbers, place = np.unique(labels.instance, return_inverse=True)
    place = place - int(numbers[0] == NONE)
    return palette(len(numbers))[np.where(labels.instance == NONE, NONE, place)]


def _by_class(labels: Labels, classes: ClassList) -> UInt8[np.ndarray, "v 3"]:
    ids, place = np.unique(labels.semantic, return_inverse=True)
    known = classes.classes
    white = (255, 255, 255)
    return np.array([known[i].color if i in known else white for i in ids.tolist()], np.uint8)[
        place
    ]


def _jpeg(picture: UInt8[np.ndarray, "h w 3"]) -> bytes:
    """The picture in at most `_BYTES`, as well as that allows."""
    for quality in (85, 75, 60, 45, 30, 15):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= _BYTES:
            break
    return file.getvalue()


def _findings(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Errors and warnings as lists, notes folded; each with what to do."""
    parts = []
    for severity, words in _WORDS.items():
        own = [finding for finding in findings if finding["severity"] == severity]
        if not own:
            continue
        items = "".join(_item(finding) for finding in own[:_LISTED])
        if len(own) > _LISTED:
            items += f"<li>{len(own) - _LISTED} more: <code>--json</code> has them all</li>"
        listed = f'<ul class="findings">{items}</ul>'
        if severity == "note":
            parts.append(
                f"<h2>{words}</h2><details><summary>{len(own)} things to know</summary>{listed}"
                "</details>"
            )
        else:
            parts.append(f"<h2>{words}</h2>{listed}")
    return parts or ["<p>Nothing suspicious was found.</p>"]


def _item(finding: Mapping[str, Any]) -> str:
    name = f"<b>{escape(finding['scene'])}</b> " if finding["scene"] else ""
    remedy = finding["remedy"]
    what = f'<span class="remedy">{escape(_sentence(remedy))}</span>' if remedy else ""
    return f"<li>{name}{escape(finding['what'])}{what}</li>"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _classes(result: Mapping[str, Any], classes: ClassList) -> str:
    if not result["classes"]:
        return ""
    largest = max(row["share"] for row in result["classes"])
    heads = ("Class", "Id", "Vertices", "Share, %", "", "Instances", "Scenes", "Kind")
    head = "".join(f'<th scope="col">{cell}</th>' for cell in heads)
    body = "".join(_class(row, largest, classes) for row in result["classes"])
    return (
        f'<h2>Classes</h2>\n<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _class(row: Mapping[str, Any], largest: float, classes: ClassList) -> str:
    known = classes.classes.get(row["id"])
    color = "#{:02x}{:02x}{:02x}".format(*(known.color if known else (128, 128, 128)))
    bar = (
        f'<span class="bar" style="width:{120 * row["share"] / largest:.0f}px;'
        f'background:{color}"></span>'
    )
    cells = [
        str(row["id"]),
        f"{row['vertices']:,}",
        per_cent(100 * row["share"]),
    ]
    data = "".join(f"<td>{cell}</td>" for cell in cells)
    data += f'<td class="left">{bar}</td><td>{row["instances"]:,}</td><td>{row["scenes"]:,}</td>'
    kind = "thing" if row["thing"] else "stuff"
    return f'<tr><th scope="row">{escape(row["name"])}</th>{data}<td>{kind}</td></tr>'


def _card(row: Mapping[str, Any], shared: Sequence[Mapping[str, Any]]) -> str:
    """A scene's card; `shared` are the findings of several scenes, some of them by its name."""
    found = [*row["findings"], *(f for f in shared if f["scene"] == row["scene"])]
    badges = "".join(
        f'<span class="badge {severity}">{count} {severity}{"s" if count > 1 else ""}</span>'
        for severity in ("error", "warning")
        if (count := sum(f["severity"] == severity for f in found))
    )
    title = f"<h3>{escape(row['scene'])}</h3>"
    place = f'<p class="soft">{escape(row["path"])}</p>'
    if not row["readable"]:
        return f'<div class="card">{title}{place}<p>{badges}</p></div>'
    size = " × ".join(f"{side:.3g}" for side in row["size"])
    what = f"{row['faces']:,} faces" if row["faces"] else "a point cloud"
    facts = (
        f"{row['vertices']:,} vertices, {what} · {size} m · {row['instances']} instances of "
        f"{len(row['classes'])} classes · {per_cent(100 * row['labelled'])} % labelled"
    )
    name = escape(row["scene"], quote=True)
    figures = "".join(
        f'<figure><img loading="lazy" alt="{name}: {escape(caption, quote=True)}" '
        f'src="data:image/jpeg;base64,{base64.b64encode(picture).decode()}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, picture in row.get("pictures", ())
    )
    return (
        f'<div class="card">{title}<p class="soft">{facts}</p>{place}<p>{badges}</p>'
        f'<div class="strip">{figures}</div></div>'
    )
