"""The audit as a whole: it finds planted errors and names the repair, and the repair restores the file."""

import dataclasses
import json

import numpy as np
import pytest

from perface_jax.annotations import (  # noqa: F401 (the offered repair calls them)
    GridOrder,
    Kind,
    Votes,
    audit,
    grid_order,
    order_change,
    read_answers,
    reorder,
    repair,
    unanimous,
)
from tests.simulated_votes import in_order, simulated_cells

GROUPS, BY_TARGET = GridOrder(Kind.GROUP_MAJOR, 24, 24, 6), GridOrder(Kind.TARGET_MAJOR, 24, 24)
QUICK = {"grid": (24, 24), "permutations": 99, "resamples": 200}


def votes_of(votes: np.ndarray) -> Votes:
    names = tuple(f"ans{k + 1}" for k in range(votes.shape[1]))
    return Votes(tuple(f"t{i:04d}" for i in range(len(votes))), votes, columns=names, path="simulated.csv")


@pytest.fixture(scope="module")
def clean() -> Votes:
    return votes_of(in_order(simulated_cells(np.random.default_rng(1), 24, 24), GROUPS, GROUPS, GROUPS))


@pytest.fixture(scope="module")
def faulty() -> Votes:
    return votes_of(in_order(simulated_cells(np.random.default_rng(1), 24, 24), GROUPS, BY_TARGET, GROUPS))


@pytest.fixture(scope="module")
def found(faulty):
    return audit(faulty, **QUICK)


def test_a_clean_file_has_no_alarm(clean):
    found = audit(clean, **QUICK)
    assert found.order_alarms == ()
    assert found.moved is None
    assert found.source_order == GROUPS
    assert found.column_orders == {}
    assert not [line for line in found.findings if not line.startswith("SOURCES DECIDE")]


def test_the_planted_error_is_found_and_its_order_moves_the_column_back(clean, faulty, found):
    ((column, order, p),) = found.order_alarms
    assert (column, p) == ("ans2", 0.01)
    assert (order.seen, order.wanted) == (BY_TARGET, GROUPS)
    np.testing.assert_array_equal(reorder(faulty, column, order).votes, clean.votes)


def test_the_offered_repair_is_a_line_that_works(clean, faulty, found):
    line = found.findings[0].split("\n")[1]
    names = dict(globals(), votes=faulty)
    exec(line, names)
    np.testing.assert_array_equal(names["votes"].votes, clean.votes)


def test_the_audit_itself_moves_nothing(faulty, found):
    again = votes_of(in_order(simulated_cells(np.random.default_rng(1), 24, 24), GROUPS, BY_TARGET, GROUPS))
    np.testing.assert_array_equal(faulty.votes, again.votes)


def test_agreement_is_reported_before_and_after(clean, faulty, found):
    alone = audit(clean, **QUICK)
    assert found.moved == alone.as_read
    assert found.as_read["unanimous"].value == unanimous(faulty).kept / 576
    for name in ("Cohen's kappa, mean", "split-half reliability"):
        assert found.as_read[name].value < found.moved[name].value
    assert found.lookups == alone.lookups
    assert found.variance == alone.variance


def test_the_changes_of_the_labels_are_counted(clean, faulty, found):
    before, after = unanimous(faulty).label, unanimous(clean).label
    assert found.changes["unanimous labels lost"] == sum(b >= 0 > a for b, a in zip(before, after, strict=True))
    assert found.changes["unanimous labels gained"] == sum(a >= 0 > b for b, a in zip(before, after, strict=True))
    assert found.changes["unanimous labels reversed"] == sum(
        b >= 0 and a >= 0 and a != b for b, a in zip(before, after, strict=True)
    )
    assert found.kept["unanimous"] == np.sum(after >= 0)


def test_the_lines_of_a_file_may_be_shuffled(faulty, found):
    line = np.random.default_rng(2).permutation(576)
    shuffled = Votes(tuple(f"t{i:04d}" for i in line), faulty.votes[line], columns=faulty.columns, path=faulty.path)
    assert audit(shuffled, **QUICK) == found


@pytest.mark.parametrize("rows", [13, 37])
def test_a_shift_outside_the_family_is_found_approximately_and_without_a_line_of_repair(rows):
    groups = GridOrder(Kind.GROUP_MAJOR, 80, 80, 10)
    votes = in_order(simulated_cells(np.random.default_rng(1)), groups, dataclasses.replace(groups, shift=rows), groups)
    found = audit(votes_of(votes), permutations=99, resamples=200)
    assert [alarm.column for alarm in found.order_alarms] == ["ans2"]
    assert abs(found.order_alarms[0].order.seen.shift) not in (0, rows)
    assert "nearest of the shifts that were searched" in found.findings[0]
    assert "votes = reorder(" not in found.report()


def test_a_grid_that_does_not_fit_is_refused_with_both_sizes(clean):
    with pytest.raises(ValueError, match="simulated.csv: 576 triplets do not fit .* 80 sources x 80 targets = 6400"):
        audit(clean)


def test_straight_lining_bias_and_copies_are_findings(clean):
    votes = np.array(clean.votes)
    votes[100:160, 0] = 1
    votes[:, 1] = np.random.default_rng(3).random(576) < 0.8
    votes[300:380, 2] = votes[300:380, 0]
    text = "\n".join(audit(votes_of(votes), **QUICK).findings)
    assert "STRAIGHT-LINING: ans1 has 100% b in" in text
    assert "POSITION BIAS: ans2 has 0.8" in text
    assert "COPIED VOTES: ans1 and ans3 agree in" in text


def test_a_handful_of_votes_gives_no_finding(tmp_path):
    (tmp_path / "few.csv").write_text("triplet,annotator,choice\nt0000,x,a\nt0001,y,b\n")
    found = audit(read_answers(tmp_path / "few.csv"), grid=(2, 1))
    assert found.findings == ()
    assert "Dawid-Skene: the median annotator has 1 votes." in found.report()


@pytest.mark.parametrize("grid", [(1, 1), (4, 1), (1, 4), (2, 2), None])
def test_the_smallest_files_are_audited(grid):
    n = 4 if grid is None else grid[0] * grid[1]
    found = audit(votes_of(np.array([[0, 0], [0, 1], [1, 1], [0, 0]])[:n]), grid=grid, resamples=100)
    assert found.order_alarms == ()
    assert found.report()


def test_missing_votes_prevent_the_search_for_orders_which_is_a_finding(clean):
    votes = np.array(clean.votes)
    votes[5, 1] = -1
    found = audit(votes_of(votes), **QUICK)
    assert found.order_gains == ()
    assert found.findings[0] == "ROW ORDER NOT SEARCHED: votes missing from the answer columns: 1."


def test_annotators_who_miss_dummies_are_named(tmp_path):
    rng = np.random.default_rng(4)
    lines = ["triplet,annotator,choice,is_dummy,expected"]
    lines += [f"t{i:04d},p{who},{'ab'[rng.integers(2)]},0," for i in range(36) for who in rng.permutation(4)[:3]]
    lines += [f"d{i},p{who},{'b' if who == 2 and i < 3 else 'a'},1,a" for i in range(5) for who in range(4)]
    (tmp_path / "long.csv").write_text("\n".join(lines))
    found = audit(read_answers(tmp_path / "long.csv"), grid=(6, 6), resamples=100)
    assert found.findings[0].startswith("DUMMY TRIPLETS missed by 1 of 4 annotators: p2 (3 of 5).")
    assert sorted((voter.name, voter.dummies) for voter in found.voters) == [
        ("p0", (0, 5)),
        ("p1", (0, 5)),
        ("p2", (3, 5)),
        ("p3", (0, 5)),
    ]
    assert "Dawid-Skene" in found.kept
    assert "ANNOTATORS" in found.report()


def test_triplets_that_are_not_a_grid_are_audited_without_one(tmp_path):
    lines = "".join(f"r{i},x{i},y{i},{i % 4},{3 - i % 4}\n" for i in range(40))
    (tmp_path / "nights.csv").write_text("reference,a,b,votes_a,votes_b\n" + lines)
    found = audit(read_answers(tmp_path / "nights.csv"), grid=None, resamples=100)
    assert found.as_read["unanimous"].value == 0.5
    assert found.lookups == {}
    assert found.source_order is None
    assert found.findings == ()
    assert "no grid" in found.report()


def test_the_audit_survives_json(found):
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert plain["order_alarms"][0]["column"] == "ans2"
    assert plain["order_alarms"][0]["order"]["seen"]["kind"] == "target_major"
    assert plain["order_alarms"][0]["order"]["call"].startswith("order_change(grid_order(")
    assert plain["as_read"]["unanimous"]["value"] == found.as_read["unanimous"].value


def test_the_same_seed_gives_the_same_audit(faulty, found):
    assert audit(faulty, **QUICK) == found
    assert audit(faulty, **QUICK, seed=1).as_read != found.as_read


def test_the_synthetic_release_is_audited_correctly(facepack):
    clean = read_answers(facepack / "release" / "triplet_answers.csv")
    faulty = read_answers(facepack / "release" / "triplet_answers_faulty.csv")
    assert audit(clean, grid=(24, 24)).order_alarms == ()
    found = audit(faulty, grid=(24, 24))
    assert [alarm.column for alarm in found.order_alarms] == ["ans2"]
    np.testing.assert_array_equal(repair(faulty, found, pictures=GROUPS).votes, clean.votes)
    assert (found.as_read["unanimous"].value, found.moved["unanimous"].value) == (235 / 576, 295 / 576)
