"""The audit as text: findings first, then every number with a sentence on how to read it."""

import functools
import itertools
import math
import textwrap

from perface_jax.annotations.annotator_checks import AnnotatorCheck
from perface_jax.annotations.audit_result import AuditResult
from perface_jax.annotations.order_search import ALARM
from perface_jax.formatting import estimate, percent
from perface_jax.statistics.resampling import MOST_CLUSTERS

WIDTH = 110
_show = functools.partial(estimate, missing="not defined")


class Audit(AuditResult):
    """What `audit` measured, and its text."""

    def report(self) -> str:
        """All parts of the report, one empty line between them."""
        people = (_voters, _checks, _exclusions)
        parts = (_head, _findings, _agreement, _row_orders, *people, _copies, _labels, _lookups, _variance)
        return "\n\n".join("\n".join(lines) for lines in (part(self) for part in parts) if lines)


def _head(found: AuditResult) -> list[str]:
    grid = f"{found.grid[0]} sources x {found.grid[1]} targets" if found.grid else "no grid"
    columns = f"columns {', '.join(found.columns)}" if found.columns else "no named columns"
    seen = f"{found.triplets:,} triplets, {found.votes:,} votes, {columns}, {grid}"
    lines = [f"Audit of {found.path or 'votes'}: {seen}."]
    lines += _text(f"Brackets hold 95% intervals, found by resampling {_resampled(found)}.")
    if found.source_order and not found.order_alarms:
        lines += _text(
            f"Rows are assigned to sources by the {found.source_order.words()} order, the named order under which the "
            "source explains most of the variance of the votes. This is a guess. The intervals, the image-blind "
            "baselines, the variance shares and the number of sources in a run depend on it."
        )
    return lines


def _resampled(found: AuditResult) -> str:
    if found.grid:
        return "the sources"
    few = found.triplets <= MOST_CLUSTERS
    return "the triplets" if few else f"{MOST_CLUSTERS:,} groups, into which the triplets were dealt by number"


def _findings(found: AuditResult) -> list[str]:
    lines = ["FINDINGS"]
    for number, finding in enumerate(found.findings, 1):
        first, *code = finding.split("\n")
        lines += _text(first, f"{number:3}. ", "     ") + ["     " + line for line in code]
    return lines if found.findings else ["FINDINGS", "  none"]


def _agreement(found: AuditResult) -> list[str]:
    rows = [("", "as read", _moved(found))]
    for name, value in found.as_read.items():
        rows.append((name, _show(value), _show(found.moved[name]) if found.moved else ""))
    lines = ["AGREEMENT", *(f"  {name:34}{as_read:24}{moved}".rstrip() for name, as_read, moved in rows)]
    lines += _text(
        "Unanimous and pairs are shares. Kappa and alpha are 1 for full agreement and 0 for the agreement expected of "
        "random votes with the same shares of a and b. Split-half reliability (Spearman-Brown) is of the share of all "
        "votes on a triplet: its correlation with the share of as many votes of other people."
    )
    if found.changes:
        count = found.changes
        lines += _text(
            f"The move would reverse {count['unanimous labels reversed']:,} unanimous labels, remove "
            f"{count['unanimous labels lost']:,}, add {count['unanimous labels gained']:,}, and change "
            f"{count['majority labels changed']:,} majority labels."
        )
    return lines


def _row_orders(found: AuditResult) -> list[str]:
    if found.order_note:
        return [f"ROW ORDER: not searched, {found.order_note}."]
    alarmed = {alarm.column for alarm in found.order_alarms}
    lines = ["ROW ORDER (the best alternative order of each column)"]
    for column, order, gain, p in found.order_gains:
        verdict = "ALARM" if column in alarmed else "no alarm"
        lines.append(f"  {column:10} gain {_show(gain, '+.3f')}  p = {p:.3f}  {verdict}")
        lines += _text(f"if it is {order.seen.words()}, and the others {order.wanted.words()}", *[" " * 13] * 2)
    after = " Columns without an alarm are searched after those with one were moved." if alarmed else ""
    lines += _text(
        f"Gain: mean kappa with the other columns in that order, minus that of the file as read. Alarm: p <= {ALARM} "
        "and the whole interval, which allows for the search, above 0. A number of rows up or down is the nearest of "
        f"those searched.{after}"
    )
    return lines


def _voters(found: AuditResult) -> list[str]:
    if not found.voters:
        return []
    lines = [
        "COLUMNS" if found.columns else "ANNOTATORS",
        f"  {'':10}{'votes':>6}  {'share of b':22}{'agrees with others':23}{'longest run':18}most uniform windows",
    ]
    for voter in found.voters:
        run = f"{voter.runs[0].length} {voter.runs[0].letter} at {voter.runs[0].first}" if voter.runs else ""
        windows = ", ".join(f"{percent(w.share)} {w.letter} of {w.length} at {w.first}" for w in voter.windows)
        bias, sides = _show(voter.share_of_b), _show(voter.sides_with_others)
        lines.append(f"  {voter.name:10}{voter.votes:6,}  {bias:22}{sides:23}{run:18}{windows}".rstrip())
    lines += _text(
        "Share of b: one half without position bias. Agrees with others: on triplets where the others are unanimous. "
        "Most uniform: the stretch of votes with the largest share of one letter. A run is flagged if independent "
        "votes with the voter's share of that letter, or with the others' share on the same triplets if that is "
        "larger, would produce one so long with a probability below 0.001. The first window is flagged if at least 90% "
        "of it are one letter, where the others give at most 75%. Both must cover five or more sources."
    )
    return lines


def _checks(found: AuditResult) -> list[str]:
    """Sides, speed, dummies and repeats, if the file has any of them but dummies."""
    if found.study is None:
        return []
    head = f"  {'':10}{'left':22}{'run':>4}  {'median':>9}{'pace':>6}{'hasty':>6}  {'dummies':12}same again"
    lines = ["SIDES, SPEED, DUMMIES, REPEATS", head, *map(_check, found.checks)]
    study, (missed, seen) = found.study, found.study.dummies
    again = f"{_show(study.retest)} of {study.repeats} repeats" if study.repeats else ""
    time = "" if math.isnan(study.milliseconds) else f"{study.milliseconds:,.0f} ms"
    lines.append(f"  {'all':10}{_show(study.left):22}{'':4}  {time:>9}{'':12}  {_missed((missed, seen)):12}{again}")
    lines += _text(
        "Left: the share of answers on the left, one half without bias; run: the longest on one side. Pace: the median "
        "time as a share of the typical annotator's. Hasty: answers in under an eighth of the study's median time, or "
        "under 300 ms. Dummies: missed of seen. Same again: repeats that got the same answer; the intervals of all are "
        "over annotators."
    )
    return lines


def _check(check: AnnotatorCheck) -> str:
    left, run = (_show(check.side.left), str(check.side.run)) if check.side else ("", "")
    speed = f"{'':21}"
    if check.speed:
        speed = f"{check.speed.median:>6,.0f} ms{percent(check.speed.pace):>6}{percent(check.speed.hasty):>6}"
    again = _show(check.retest) if check.retest else ""
    return f"  {check.name:10}{left:22}{run:>4}  {speed}  {_missed(check.dummies):12}{again}".rstrip()


def _missed(dummies: tuple[int, int] | None) -> str:
    return f"{dummies[0]} of {dummies[1]}" if dummies and dummies[1] else ""


def _exclusions(found: AuditResult) -> list[str]:
    if not found.exclusions:
        return []
    lines = ["WHO WOULD BE DROPPED", f"  {'rule':30}{'people':>7}{'votes':>8}  pairs that agree then"]
    for rule, dropped, votes, agreement in found.exclusions:
        numbers = f"  {rule:30}{len(dropped):>7}{votes:>8,}  {percent(agreement, '.1%'):9}"
        lines += _text(f"{numbers}{', '.join(dropped)}", "", " " * len(numbers))
    lines += _text(
        "Nobody is dropped here. Side: one side too often, or too often in a row. Speed: a third of the typical time, "
        "or a tenth of the answers hasty, where an exact test shows more than 3%. Repeats: answered otherwise more "
        "often than by the others. Chance: agrees with unanimous others no better than a coin."
    )
    return lines


def _copies(found: AuditResult) -> list[str]:
    if not found.copies:
        return []
    copies = (f"  {', '.join(pair):20}{same.length} from {same.first}" for pair, same in found.copies.items())
    return ["COPIES (the longest run in which two columns agree)", *copies]


def _labels(found: AuditResult) -> list[str]:
    kept = ", ".join(f"{name} {count:,} of {found.triplets:,}" for name, count in found.kept.items())
    return [f"LABELS {_state(found)}", *_text(f"{kept}."), *itertools.chain(*map(_text, found.label_doubts))]


def _lookups(found: AuditResult) -> list[str]:
    if not found.lookups:
        return []
    names = list(dict.fromkeys(name for _, name in found.lookups))
    title = f"  {'labels':20}" + "".join(f"{name:30}" for name in names).rstrip()
    lines = [f"IMAGE-BLIND BASELINES {_state(found)}", title]
    for rule in dict.fromkeys(rule for rule, _ in found.lookups):
        row = "".join(f"{_show(found.lookups[rule, name]):30}" for name in names)
        lines.append(f"  {f'{rule}, {found.kept[rule]:,}':20}{row}".rstrip())
    lines += _text(
        "How often a label equals the majority label of most other triplets of the same source (or target); a tie "
        "counts one half. A model that does not beat these has not been shown to use the images."
    )
    return lines


def _variance(found: AuditResult) -> list[str]:
    if not found.variance:
        return []
    share, title = found.variance, f"VARIANCE OF THE MEAN VOTE {_state(found)}"
    if math.isnan(share["source"]):
        return [title, *_text("Not defined: the mean vote is the same on all triplets.")]
    shown = {name: percent(value, ".1%") for name, value in share.items()}
    text = (
        f"source {shown['source']} (noise alone: {shown['by_chance_source']}), target {shown['target']} (noise alone: "
        f"{shown['by_chance_target']}), residual {shown['rest']}. Shares of the sums of squares in a two-way analysis "
        "of variance with one mean vote per cell."
    )
    return [title, *_text(text)]


def _moved(found: AuditResult) -> str:
    return f"{', '.join(alarm.column for alarm in found.order_alarms)} moved" if found.order_alarms else ""


def _state(found: AuditResult) -> str:
    return f"({_moved(found) or 'as read'})"


def _text(text: str, first: str = "  ", rest: str = "  ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest)
