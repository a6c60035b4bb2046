"""The first card of a page: what was found, one chart of it, and how the report was made."""

import html
import itertools
import math
from collections.abc import Sequence

from perface_jax.formatting import estimate, interval, number
from perface_jax.report.contents import Made, Measure, Report, Score
from perface_jax.report.shell import element


def html_card(report: Report, warnings: str) -> str:
    """The card; `warnings` is HTML."""
    parts = [element("h1", report.title)]
    if summary := report.summary:
        texts = [(summary.verdict, "verdict"), (summary.details, "details"), (summary.run, "soft")]
        parts += [element("p", text, kind) for text, kind in texts if text]
        grouped = itertools.groupby(summary.scores, lambda score: score.measure)
        charts = [_chart(summary.measures.get(name, Measure(name)), list(scores)) for name, scores in grouped]
        parts += [f'<div class="measures">{"".join(charts)}</div>'] if charts else []
        parts += [element("p", summary.note, "help")] if summary.note and charts else []
    parts += [warnings, _html_made(report.made) if report.made else ""]
    return f'<header class="card">{"".join(parts)}</header>'


def _html_made(made: Made):
    commit = f", commit {html.escape(made.commit)}" if made.commit else ""
    return f'<p class="made">Made {html.escape(made.date)}{commit}, by <code>{html.escape(made.command)}</code></p>'


def _chart(measure: Measure, scores: Sequence[Score]) -> str:
    low, high = _range(measure, scores)
    lines = "".join(_line(score, measure.chance, low, high) for score in scores)
    form = "+.1f" if scores[0].signed else ".1f"
    ends = f'<li aria-hidden="true"><span class="ends"><span>{low:{form}}</span><span>{high:{form}}</span></span></li>'
    return f'<div>{element("h2", measure.meaning)}<ul class="scores">{lines}{ends}</ul></div>'


def _range(measure, scores) -> tuple[float, float]:
    """Tenths around everything that is drawn."""
    drawn = [value for score in scores for value in (*score[2:5], measure.chance) if not math.isnan(value)] or [0, 1]
    low, high = math.floor(10 * min(drawn)) / 10, math.ceil(10 * max(drawn)) / 10
    return low, max(high, low + 0.1)


def _line(score, chance, low, high):
    def place(value):
        return f"{100 * (value - low) / (high - low):.1f}%"

    form, own = "+.3f" if score.signed else ".3f", " own" * score.own
    marks = ['<i class="rail"></i>']
    if not math.isnan(chance):
        marks.append(f'<i class="chance" style="left:{place(chance)}"></i>')
    if not math.isnan(score.low):
        ends = f"left:{place(score.low)};right:calc(100% - {place(score.high)})"
        marks.append(f'<i class="whisker{own}" style="{ends}"></i>')
    if not math.isnan(score.value):
        marks.append(f'<i class="dot{own}" style="left:{place(score.value)}"></i>')
    value = f"{number(score.value, form, missing='n/a')} <small>{interval(score.low, score.high, form)}</small>"
    said = html.escape(f"{score.name}: {estimate(score[2:5], form, missing='n/a')}")
    return (
        f'<li><span class="name{own}">{html.escape(score.name)}</span>'
        f'<span class="axis" aria-hidden="true" title="{said}">{"".join(marks)}</span>'
        f'<span class="value">{value}</span></li>'
    )
