"""The text of the audit: findings first, numbers with a sentence, lines that fit a screen."""

import numpy as np
import pytest

from perface_jax.annotations import GridOrder, Kind, Votes, audit
from tests.simulated_votes import in_order, simulated_cells


@pytest.fixture(scope="module")
def text() -> str:
    groups, by_target = GridOrder(Kind.GROUP_MAJOR, 24, 24, 6), GridOrder(Kind.TARGET_MAJOR, 24, 24)
    votes = in_order(simulated_cells(np.random.default_rng(1), 24, 24), groups, by_target, groups)
    votes = Votes(tuple(f"t{i:04d}" for i in range(576)), votes, columns=("ans1", "ans2", "ans3"), path="file.csv")
    return audit(votes, grid=(24, 24), permutations=99, resamples=200).report()


def test_findings_come_first(text):
    head, findings, *_ = text.split("\n\n")
    assert head.startswith("Audit of file.csv: 576 triplets, 1,728 votes, columns ans1, ans2, ans3, 24 sources x 24")
    first = " ".join(findings.split())
    assert "ROW ORDER: ans2 is target-major; the other columns are group-major in groups of 6 sources (p = 0" in first
    assert "Nothing has been moved." in first
    assert 'votes = reorder(votes, "ans2", order_change(grid_order("target_major", 24, 24), ' in first


@pytest.mark.parametrize(
    ("triplets", "words"),
    [
        (1000, "found by resampling the triplets."),
        (1001, "found by resampling 1,000 groups, into which the triplets were dealt by number."),
    ],
)
def test_the_text_says_what_the_intervals_resample_without_a_grid(triplets, words):
    ids = tuple(f"t{i:04d}" for i in range(triplets))
    found = audit(Votes(ids, np.arange(2 * triplets).reshape(-1, 2) % 3 % 2), grid=None, resamples=100)
    assert words in " ".join(found.report().split())


def test_with_a_grid_the_intervals_resample_the_sources(text):
    assert "found by resampling the sources." in text


def test_all_parts_are_in_order(text):
    titles = [part.split("\n")[0].split(" (")[0] for part in text.split("\n\n")[1:]]
    assert titles == [
        "FINDINGS",
        "AGREEMENT",
        "ROW ORDER",
        "COLUMNS",
        "COPIES",
        "LABELS",
        "IMAGE-BLIND BASELINES",
        "VARIANCE OF THE MEAN VOTE",
    ]


def test_estimates_before_and_after_the_move_share_a_line(text):
    row = next(line for line in text.split("\n") if "Krippendorff" in line)
    assert row.count("[") == row.count("]") == 2


def test_lines_fit_a_screen_except_for_the_repair(text):
    long = [line for line in text.split("\n") if len(line) > 120]
    assert all("reorder(votes" in line for line in long)
    assert text.isascii()


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.filterwarnings("error")
def test_votes_without_variance_are_reported_without_nan(columns):
    """All b: no variance, no kappa, no alpha; of one column, no other votes either."""
    ids, names = tuple(f"t{i:04d}" for i in range(144)), tuple(f"ans{k}" for k in range(columns))
    found = audit(Votes(ids, np.ones((144, columns), int), columns=names), grid=(12, 12), resamples=100)
    assert "nan" not in found.report().split()
    assert "nan%" not in found.report()
    assert "Not defined: the mean vote is the same on all triplets." in found.report()
