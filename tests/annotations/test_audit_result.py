"""Findings: the words for each fault, and none for a sound file."""

import dataclasses

import pytest

from perface_jax.annotations import Audit, GridOrder, OrderAlarm, OrderChange
from perface_jax.annotations.annotator_quality import Stretch
from perface_jax.annotations.audit_result import OrderGain, VoterAudit
from perface_jax.statistics.estimates import Estimate

HALF, GAIN = Estimate(0.5, 0.4, 0.6), Estimate(0.41, 0.29, 0.53)
GROUPS, BY_TARGET = GridOrder("group_major", 20, 20, 10), GridOrder("target_major", 20, 20)
LONG = Stretch("t0010", "t0069", 60, "b", share=1.0, others=0.53, chance=1e-9, flagged=True)
SHORT = LONG._replace(length=6, flagged=False)


def voter(name: str, **changes) -> VoterAudit:
    return VoterAudit(name, 400, HALF, HALF, runs=(SHORT,), windows=(SHORT,), dummies=None)._replace(**changes)


def found(**changes) -> Audit:
    """A sound audit, but for the changes."""
    sound = Audit(
        path="",
        triplets=400,
        votes=1200,
        columns=("ans1", "ans2", "ans3"),
        grid=(20, 20),
        order_alarms=(),
        order_gains=(),
        order_note="",
        source_order=GROUPS,
        as_read={},
        moved=None,
        changes={},
        kept={},
        label_doubts=(),
        lookups={},
        variance={},
        voters=(voter("ans1"), voter("ans2"), voter("ans3")),
        copies={("ans1", "ans2"): SHORT},
    )
    return dataclasses.replace(sound, **changes)


def alarmed(seen: GridOrder, **changes) -> Audit:
    order = OrderChange(seen, GROUPS)
    return found(
        order_alarms=(OrderAlarm("ans3", order, 0.001),),
        order_gains=(OrderGain("ans3", order, GAIN, 0.001),),
        **changes,
    )


def test_a_run_of_a_single_column_is_reported_without_other_votes():
    (finding,) = found(voters=(voter("ans1", runs=(LONG._replace(others=float("nan")),)),)).findings
    assert finding == "STRAIGHT-LINING: ans1 has 100% b in 60 rows, t0010 to t0069 (no other votes there)."


def test_a_sound_file_has_no_findings():
    assert found().findings == ()


def test_a_named_order_comes_with_its_gain_and_a_line_of_repair():
    (finding,) = alarmed(BY_TARGET).findings
    words, line = finding.split("\n")
    assert words == (
        "ROW ORDER: ans3 is target-major; the other columns are group-major in groups of 10 sources (p = 0.001). In "
        "their order, its mean kappa with them is higher by 0.410 [0.290, 0.530]. Nothing has been moved. Votes cannot "
        "show which order the PICTURES follow; if they follow the order of the other columns, the repair is"
    )
    assert line == (
        'votes = reorder(votes, "ans3", order_change(grid_order("target_major", 20, 20), '
        'grid_order("group_major", 20, 20, block=10)))'
    )


@pytest.mark.parametrize(("shift", "rows"), [(3, "3 rows down"), (-80, "80 rows up")])
def test_a_shift_is_called_the_nearest_searched_and_no_repair_is_offered(shift, rows):
    (finding,) = alarmed(dataclasses.replace(GROUPS, shift=shift)).findings
    assert f"ans3 is group-major in groups of 10 sources, {rows} (approximately); the other columns are" in finding
    assert f"{abs(shift)} rows is the nearest of the shifts that were searched, and may be far off" in finding
    assert "`repair` refuses shifts" in finding
    assert "determine the exact order yourself, and move the column with `reorder`" in finding
    assert "\n" not in finding


def test_of_two_columns_the_votes_cannot_show_which_is_wrong():
    doubt = "With only two columns, the votes cannot show which one is wrong."
    assert doubt in alarmed(BY_TARGET, columns=("ans2", "ans3")).findings[0]
    assert doubt not in alarmed(BY_TARGET).findings[0]


def test_a_search_that_was_impossible_is_a_finding_if_there_was_something_to_search():
    note = "votes missing from the answer columns: 4"
    assert found(order_note=note).findings == (f"ROW ORDER NOT SEARCHED: {note}.",)
    assert found(order_note="no grid was given", grid=None).findings == ()


def test_annotators_who_miss_dummies_are_named_the_worst_first():
    people = (voter("p", dummies=(1, 5)), voter("q", dummies=(0, 5)), voter("r", dummies=(2, 5)), voter("s"))
    (finding,) = found(columns=(), voters=people).findings
    assert finding.startswith("DUMMY TRIPLETS missed by 2 of 4 annotators: r (2 of 5), p (1 of 5).")


def test_straight_lining_counts_runs_and_the_first_window_only():
    (finding,) = found(voters=(voter("ans1", runs=(LONG, SHORT)),)).findings
    assert finding == "STRAIGHT-LINING: ans1 has 100% b in 60 rows, t0010 to t0069 (other votes there: 53% b)."
    assert len(found(voters=(voter("ans1", windows=(LONG, SHORT)),)).findings) == 1
    assert found(voters=(voter("ans1", windows=(SHORT, LONG)),)).findings == ()


@pytest.mark.parametrize(
    ("share", "votes", "said"),
    [
        (Estimate(0.6, 0.56, 0.64), 400, True),
        (Estimate(0.4, 0.36, 0.44), 400, True),
        (Estimate(0.6, 0.54, 0.66), 400, False),  # the interval is not wholly 5 % away from one half
        (Estimate(0.6, 0.56, 0.64), 49, False),  # too few votes
    ],
)
def test_position_bias_needs_a_clear_interval_and_enough_votes(share, votes, said):
    findings = found(voters=(voter("ans2", share_of_b=share, votes=votes),)).findings
    assert [finding.startswith("POSITION BIAS: ans2 has") for finding in findings] == [True] * said


def test_copied_votes_are_named_with_their_rows():
    (finding,) = found(copies={("ans1", "ans3"): LONG}).findings
    assert finding == "COPIED VOTES: ans1 and ans3 agree in 60 consecutive rows, t0010 to t0069."


def test_sources_decide_where_their_look_up_is_clearly_above_the_constant():
    constant = Estimate(0.53, 0.45, 0.61)
    lookups = {
        ("majority", "same source, other targets"): Estimate(0.60, 0.55, 0.65),
        ("majority", "best constant"): constant,
        ("unanimous", "same source, other targets"): Estimate(0.94, 0.91, 0.96),
        ("unanimous", "best constant"): constant,
    }
    (finding,) = found(lookups=lookups).findings
    assert "predicts 0.940 of the unanimous labels. Compare" in finding


def test_the_most_serious_comes_first():
    lookups = {("u", "same source"): Estimate(0.9, 0.8, 1.0), ("u", "best constant"): HALF}
    everything = alarmed(
        BY_TARGET, lookups=lookups, copies={("ans1", "ans2"): LONG}, voters=(voter("ans1", runs=(LONG,)),)
    )
    titles = [finding.split(":")[0] for finding in everything.findings]
    assert titles == ["ROW ORDER", "STRAIGHT-LINING", "COPIED VOTES", "SOURCES DECIDE"]
