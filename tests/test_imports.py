"""The direction of imports."""

import ast
from pathlib import Path

import seggroup

# Data walks one way: a module imports only what stands on an earlier line, or its own package.
LINES = [
    "types config classes errors resources", "io", "geometry", "labels",
    "walk suggest model device", "train propagate assign", "downstream",
    "evaluate export", "pipeline", "report", "server", "cli",
]  # fmt: skip
RANK = {name: i for i, line in enumerate(LINES) for name in line.split()} | {"synth": 1}
ROOT = Path(seggroup.__file__).parent


def imported(path):
    """The parts of seggroup that a module imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")]
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            names = [f"{node.module}.{name}" for name in names]
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (n.split(".")[1] for n in names if n.startswith("seggroup."))


def test_imports_go_one_way():
    for path in sorted(ROOT.rglob("*.py")):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for other in set(imported(path)) - {part, "__version__"} if part != "__init__" else ():
            assert RANK[other] < RANK[part] or {RANK[other], RANK[part]} == {0}, (
                f"{path.relative_to(ROOT)} imports {other}, which stands behind {part}"
            )
