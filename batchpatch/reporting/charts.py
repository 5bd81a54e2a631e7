"""Charts as SVG within a page: no script, and colours that the page chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from batchpatch.reporting.libraries import load
from batchpatch.reporting.tally import LATENCY_EDGES_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchpatch.reporting.pace_series import Point

_MOST_LABELS = 8
_FONT = "system-ui, sans-serif"


def pace_chart(points: Sequence[Point]) -> str:
    """Requests a minute over time, against what was allowed."""
    several_days = len({point.at.date() for point in points}) > 1
    form = "%d %b %H:%M" if several_days else "%H:%M:%S" if len(points) < 10 else "%H:%M"
    labels = [point.at.strftime(form) for point in points]
    chart = _chart("Line", labels, fill=True, interpolate=None)
    chart.add("requests a minute", [round(point.requests_per_min, 1) for point in points])
    is_dashed = any(point.allowed_per_min for point in points)
    if is_dashed:
        allowed = [point.allowed_per_min for point in points]
        dashed = {"width": 2, "dasharray": "7, 5"}
        chart.add("allowed a minute", allowed, fill=False, stroke_style=dashed)
    if any(point.refused_per_min for point in points):
        chart.add("refused (429)", [round(point.refused_per_min, 1) for point in points])
    return _drawn(chart, dashed=1 if is_dashed else None)


def latency_chart(latencies: Sequence[int]) -> str:
    """Rows by the time from hand-out to the platform's answer."""
    used = [at for at, number in enumerate(latencies) if number]
    classes = range(used[0], used[-1] + 1)
    chart = _chart("Bar", [_class_label(at) for at in classes], show_legend=False)
    chart.add("rows", [latencies[at] for at in classes])
    return _drawn(chart)


def _class_label(at: int) -> str:
    if at == len(LATENCY_EDGES_MS):
        return "longer"
    return f"≤ {span(LATENCY_EDGES_MS[at])}"


def span(milliseconds: int) -> str:
    """`50 ms`, `2 s`, `5 min`, `2 h`."""
    for size, unit in ((3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if milliseconds >= size:
            return f"{milliseconds / size:g} {unit}"
    return f"{milliseconds} ms"


def _chart(kind: str, labels: Sequence[str], **options: Any) -> Any:
    pygal, style = load("pygal"), load("pygal.style")
    look = style.Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--muted)",
        foreground_strong="var(--ink)",
        foreground_subtle="var(--line)",
        colors=("var(--one)", "var(--two)", "var(--three)"),
        guide_stroke_color="var(--line)",
        guide_stroke_dasharray="1,0",
        major_guide_stroke_color="var(--line)",
        major_guide_stroke_dasharray="1,0",
        opacity=".35",
        opacity_hover=".6",
        transition="0s",
        font_family=_FONT,
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=14,
    )
    every = -(-len(labels) // _MOST_LABELS) or 1
    chart = getattr(pygal, kind)(
        style=look,
        js=[],
        width=860,
        height=300,
        margin=8,
        margin_right=40,
        show_dots=False,
        stroke_style={"width": 2},
        legend_at_bottom=True,
        legend_box_size=12,
        range_min=0,
        truncate_legend=-1,
        truncate_label=-1,
        max_scale=6,
        y_labels_major_count=0,
        show_minor_x_labels=kind != "Line",
        x_labels_major_every=every if kind == "Line" else None,
        formatter=lambda number: f"{number:,.0f}",
        value_formatter=lambda number: f"{number:,.0f}",
        **{"include_x_axis": True, **options},
    )
    chart.x_labels = labels
    return chart


def _drawn(chart: Any, *, dashed: int | None = None) -> str:
    """The picture without the script that the library adds, which would be blocked anyway.

    `dashed`: the series whose mark in the legend is to look like its line.
    """
    root = chart.render_tree()
    for mark in root.iter():
        if str(mark.tag).endswith("rect") and f"color-{dashed} " in mark.get("class", ""):
            mark.set("style", "fill: none; stroke-width: 2; stroke-dasharray: 4, 2")
    for parent in root.iter():
        for child in [one for one in parent if str(one.tag).endswith("script")]:
            parent.remove(child)
    return ET.tostring(root, encoding="unicode")
