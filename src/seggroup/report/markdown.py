"""The report as Markdown."""

from seggroup.report.report import Report, settings
from seggroup.report.tables import Table, headline, tables


def report_markdown(report: Report) -> str:
    """The report as Markdown, without its pictures."""
    parts = [f"# {_cell(report.title)}", report.summary]
    parts += ["\n".join(f"- {note}" for note in report.notes)]
    parts += ["\n".join(f"- **{figure}** {name}" for figure, name in headline(report))]
    for table in tables(report):
        parts += [f"## {table.title}", markdown_table(table), table.note]
    curve = [f"- {name}: " + ", ".join(f"{v:.4g}" for v in v_) for name, v_ in report.curve.items()]
    parts += ["## Learning curve" if curve else "", "\n".join(curve)]
    used = [*settings(report.configuration), *settings(report.versions)]
    parts += ["## Configuration and versions" if used else ""]
    parts += ["\n".join(f"- `{name}`: {value}" for name, value in used)]
    return "\n\n".join(part for part in parts if part) + "\n"


def markdown_table(table: Table) -> str:
    """The rows of a table, without its title and its note."""
    rule = ["---"] + ["---:"] * (len(table.head) - 1)
    return "\n".join(
        "| " + " | ".join(map(_cell, row)) + " |" for row in [table.head, rule, *table.rows]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
