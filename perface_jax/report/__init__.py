"""A report -> screen, JSON, one HTML page. The only room that prints tables.

    from perface_jax import report

    table = report.Table(("model", "accuracy"), [("before", "0.690"), ("after", "n/a: 1 source")])
    found = report.Report("Faces", [], {"seeds": [0]}, [report.Section("Accuracy", "Share of ...", table, rows)])
    report.to_terminal(found)               # the summary; tables=True: all tables
    report.write_json("report.json", found)
    report.write_html("report.html", found)
    report.save_figures("figures", found)

A `Report` is data: the caller writes the cells as text, draws the figures (`figures`) and adds the rows, the numbers
behind a table. Nothing here knows what they mean. A cell is shown as it is given, a missing number for instance as
`n/a: 1 source`. A column whose cells are numbers, intervals or n/a is right-aligned.
"""

from typing import TYPE_CHECKING, Any

from perface_jax.report.contents import (
    Made,
    Measure,
    Picture,
    Report,
    Score,
    Section,
    Strip,
    Summary,
    Table,
    Tile,
)
from perface_jax.report.drawing import save_figures
from perface_jax.report.page import write_html
from perface_jax.report.plain import to_json, write_json
from perface_jax.report.provenance import made

if TYPE_CHECKING:
    from perface_jax.report.terminal import to_terminal


def __getattr__(name: str) -> Any:
    """The screen needs `rich`, which pages do not."""
    if name != "to_terminal":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from perface_jax.report.terminal import to_terminal

    return to_terminal


__all__ = [
    "Made",
    "Measure",
    "Picture",
    "Report",
    "Score",
    "Section",
    "Strip",
    "Summary",
    "Table",
    "Tile",
    "made",
    "save_figures",
    "to_json",
    "to_terminal",
    "write_html",
    "write_json",
]
