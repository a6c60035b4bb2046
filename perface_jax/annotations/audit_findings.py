"""What a user must know about a file of votes, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perface_jax.annotations.audit_result import Audit, OrderAlarm

BIAS = 0.05  # position bias is a finding where the whole interval of the share of b is this far from one half
FEWEST_VOTES = 50  # of a voter, for that interval to mean anything


def findings(found: Audit) -> list[str]:
    """All findings, the gravest first; empty for a sound file."""
    return [*_order_findings(found), *_habit_findings(found), *_copy_findings(found), *_lookup_findings(found)]


def _order_findings(found: Audit) -> list[str]:
    lines = []
    for alarm, (_, _, gain, _) in zip(found.order_alarms, found.order_gains, strict=False):
        doubt = " With two columns nobody can tell which one is wrong." if len(found.columns) == 2 else ""
        roughly = " or nearly so," if alarm.order.seen.shift else ""
        lines.append(
            f"ROW ORDER: {alarm.column} is {alarm.order.seen.words()}{roughly} while the others are "
            f"{alarm.order.wanted.words()} (p = {alarm.p:.3f}). In their order its mean kappa with them is higher by "
            f"{gain.value:.3f} [{gain.low:.3f}, {gain.high:.3f}].{doubt} Nothing was moved. Which order the PICTURES "
            f"follow cannot be read from votes; {_advice(alarm)}"
        )
    if found.order_note and found.grid and len(found.columns) > 1:
        lines.append(f"ROW ORDER NOT SEARCHED: {found.order_note}.")
    return lines


def _advice(alarm: OrderAlarm) -> str:
    """The repair as a line of code; for a shift, whose size votes do not tell, what to do instead."""
    if alarm.order.seen.shift:
        return (
            f"and how far {alarm.column} is shifted only roughly: {abs(alarm.order.seen.shift)} rows is the nearest of "
            "the shifts that were searched, and may be far off. So no repair is offered, and `repair` refuses shifts. "
            "Look into the file and into how it was made for rows that were lost or added, find the exact order "
            "yourself, and move the column with `reorder`."
        )
    return f'if they follow the others, the repair is\nvotes = reorder(votes, "{alarm.column}", {alarm.order.call()})'


def _habit_findings(found: Audit) -> list[str]:
    lines = []
    failed = sorted((v for v in found.voters if v.dummies and v.dummies[0]), key=lambda v: -v.dummies[0] / v.dummies[1])
    if failed:
        who = ", ".join(f"{v.name} ({v.dummies[0]} of {v.dummies[1]})" for v in failed)
        lines.append(
            f"DUMMY TRIPLETS missed by {len(failed)} of {len(found.voters)} annotators: {who}. The paper drops whoever "
            "misses one."
        )
    for voter in found.voters:
        long = [run for run in (*voter.runs, *voter.windows[:1]) if run.flagged]
        if long:
            where = "; ".join(
                f"{run.share:.0%} {run.letter} in {run.length} rows, {run.first} to {run.last} (other votes there: "
                f"{run.others:.0%} {run.letter})"
                for run in long
            )
            lines.append(f"STRAIGHT-LINING: {voter.name} has {where}.")
        bias = voter.share_of_b
        if voter.votes >= FEWEST_VOTES and (bias.low > 0.5 + BIAS or bias.high < 0.5 - BIAS):
            lines.append(f"POSITION BIAS: {voter.name} has {bias.value:.3f} b [{bias.low:.3f}, {bias.high:.3f}].")
    return lines


def _copy_findings(found: Audit) -> list[str]:
    return [
        f"COPIED VOTES: {' and '.join(pair)} agree in {same.length} rows in a row, {same.first} to {same.last}."
        for pair, same in found.copies.items()
        if same.flagged
    ]


def _lookup_findings(found: Audit) -> list[str]:
    known = {rule: value for (rule, name), value in found.lookups.items() if name.startswith("same source")}
    constant = {rule: value for (rule, name), value in found.lookups.items() if name == "best constant"}
    clear = [f"{known[rule].value:.3f} of the {rule} labels" for rule in known if known[rule].low > constant[rule].high]
    if not clear:
        return []
    return [
        f"SOURCES DECIDE: a table of answers per source, without a pixel, is right on {' and '.join(clear)}. Read any "
        "score on sources seen in training against that, and count unseen sources, not pictures, as the test items."
    ]
