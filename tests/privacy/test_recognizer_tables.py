import numpy as np
import pytest

from perface_jax import privacy

COUNT = 120
PERSONS = np.arange(COUNT) // 2
GROUPS = {
    "sex": np.repeat(["female", "male"], COUNT // 2),
    "age": np.repeat(["young", "older", ""], COUNT // 3),
    "one": np.repeat("only", COUNT),
}


@pytest.fixture(scope="module")
def recognizers():
    """Two recognizers; under the second one, all but the first half of the pictures are well hidden."""
    random = np.random.default_rng(0)
    originals = np.repeat(random.normal(size=(COUNT // 2, 32)), 2, axis=0) + 0.3 * random.normal(size=(COUNT, 32))
    noise, hidden = random.normal(size=(COUNT, 32)), np.arange(COUNT)[:, None] >= COUNT // 2
    return {"one": (originals, originals + 2 * noise), "two": (originals, np.where(hidden, 0, originals) + noise)}


@pytest.fixture(scope="module")
def table(recognizers):
    return privacy.recognizer_table(
        recognizers, persons=PERSONS, groups=GROUPS, false_accept_rate=0.01, resamples=200, seed=1
    )


def test_there_is_a_row_for_every_recognizer_and_group(table):
    groups = [("all", "all"), ("sex", "female"), ("sex", "male"), ("age", "older"), ("age", "young"), ("one", "only")]
    wanted = [(name, *group) for name in ("one", "two") for group in groups]
    assert [row[:3] for row in table.rows] == wanted
    assert [(row.pairs, row.persons) for row in table.rows[:6]] == [
        (120, 60),
        *[(60, 30)] * 2,
        *[(40, 20)] * 2,
        (120, 60),
    ]
    measures = ("protected", "re_identified", "equal_error")
    wanted = [(name, attribute, one) for name in ("one", "two") for attribute in ("sex", "age") for one in measures]
    assert [gap[:3] for gap in table.gaps] == wanted


@pytest.mark.parametrize("index", range(12))
def test_a_row_agrees_with_the_functions_of_its_pictures(table, recognizers, index):
    row = table.rows[index]
    members = np.ones(COUNT, bool) if row.attribute == "all" else GROUPS[row.attribute] == row.group
    originals, made = recognizers[row.recognizer]
    threshold = privacy.match_threshold(originals, PERSONS, false_accept_rate=0.01, resamples=200, seed=1)
    similarity = privacy.paired_similarity(originals, made)[members]
    ranks = privacy.Ranks(*(place[members] for place in privacy.ranks(made, originals, PERSONS)))
    options = {"resamples": 200, "seed": 1}
    assert row.threshold == threshold
    assert row.protected == privacy.protection_success(similarity, threshold.value, PERSONS[members], **options)
    at_ends = [np.mean(similarity <= end) for end in (threshold.low, threshold.high)]
    assert row.protected_at_ends == pytest.approx(at_ends)
    assert row.re_identified == privacy.share(privacy.found_within(ranks, k=1), PERSONS[members], **options)
    assert row.rank_5 == privacy.share(privacy.found_within(ranks, k=5), PERSONS[members], **options)
    impostors = {"impostors": originals, "impostor_persons": PERSONS}
    assert row.equal_error == privacy.equal_error(similarity, PERSONS[members], **impostors, **options)
    assert row.similarity.value == pytest.approx(similarity.mean())
    assert row.similarity.low < row.similarity.value < row.similarity.high


def test_gaps_are_those_of_protection_and_of_re_identification(table, recognizers):
    originals, made = recognizers["two"]
    gaps = {gap[:3]: gap.gap for gap in table.gaps}
    protected = privacy.paired_similarity(originals, made) <= table.rows[6].threshold.value
    found = privacy.found_within(privacy.ranks(made, originals, PERSONS), k=1)
    options = {"resamples": 200, "seed": 1}
    assert gaps["two", "sex", "protected"] == privacy.largest_gap(protected, GROUPS["sex"], PERSONS, **options)
    assert gaps["two", "sex", "re_identified"] == privacy.largest_gap(found, GROUPS["sex"], PERSONS, **options)
    assert gaps["two", "sex", "protected"].highest == gaps["two", "sex", "re_identified"].lowest == "male"
    assert gaps["two", "sex", "protected"].p_value < 0.05 < gaps["one", "sex", "protected"].p_value


def test_the_gap_of_the_equal_error_rate_is_between_the_rows_and_chance_deals_persons(table):
    rows = {row[:3]: row.equal_error.value for row in table.rows}
    gaps = {gap[:2]: gap.gap for gap in table.gaps if gap.measure == "equal_error"}
    for name in ("one", "two"):
        gap = gaps[name, "sex"]
        assert gap.gap.value == pytest.approx(rows[name, "sex", gap.highest] - rows[name, "sex", gap.lowest])
        assert 0 <= gap.gap.low <= gap.gap.high
    assert gaps["two", "sex"].highest == "male"  # who is hidden is taken for anybody
    assert gaps["two", "sex"].p_value < 0.05 < gaps["one", "sex"].p_value
    assert gaps["two", "sex"].by_chance.high < gaps["two", "sex"].gap.value


def test_a_group_of_few_persons_has_no_equal_error_rate(recognizers):
    groups = {"age": np.repeat(["few", "young", "older"], [18, 50, 52])}
    found = privacy.recognizer_table(
        {"one": recognizers["one"]}, persons=PERSONS, groups=groups, false_accept_rate=0.01, resamples=20
    )
    rows = {row.group: row for row in found.rows}
    assert (rows["few"].persons, rows["older"].persons) == (9, 26)
    assert np.isnan(rows["few"].equal_error).all()
    assert np.isfinite(rows["older"].equal_error).all()
    assert {gap.gap.lowest for gap in found.gaps if gap.measure == "equal_error"} <= {"young", "older"}
    groups = {"age": np.repeat(["few", "older"], [18, 102])}
    found = privacy.recognizer_table(
        {"one": recognizers["one"]}, persons=PERSONS, groups=groups, false_accept_rate=0.01, resamples=20
    )
    assert [gap.measure for gap in found.gaps] == ["protected", "re_identified"]


@pytest.mark.parametrize("name", ["one", "two"])
def test_the_curve_is_that_of_all_pairs_and_agrees_with_the_row(table, recognizers, name):
    originals, made = recognizers[name]
    curve = {curve.recognizer: curve for curve in table.curves}[name]
    row = {row[:2]: row for row in table.rows}[name, "all"]
    genuine, impostors = privacy.paired_similarity(originals, made), privacy.impostor_pairs(originals, PERSONS)
    similarity = np.concatenate([genuine, impostors.similarity])
    same = np.arange(len(similarity)) < len(genuine)
    whole = privacy.roc(similarity, same)
    for threshold, false, true in zip(*curve.roc, strict=True):
        assert (false, true) == pytest.approx((np.mean(impostors.similarity > threshold), np.mean(genuine > threshold)))
    along = np.interp(whole.false_accept_rate, curve.roc.false_accept_rate, curve.roc.true_accept_rate)
    steep = np.isin(whole.false_accept_rate, curve.roc.false_accept_rate)  # several points stand above each other
    np.testing.assert_allclose(along[~steep], whole.true_accept_rate[~steep])
    asked = privacy.true_accept_rate(similarity, same, false_accept_rate=0.01)
    assert asked == pytest.approx(1 - row.protected.value)
    assert asked == curve.roc.true_accept_rate[curve.roc.false_accept_rate <= 0.01].max()
    assert privacy.equal_error_rate(similarity, same) == pytest.approx(row.equal_error.value)
    assert (len(curve.ranks), curve.ranks[0], curve.ranks[4]) == (20, row.re_identified, row.rank_5)


def test_the_curve_has_no_more_ranks_than_there_are_originals(recognizers):
    few = {"one": tuple(vectors[:16] for vectors in recognizers["one"])}
    (curve,) = privacy.recognizer_table(few, false_accept_rate=0.1, resamples=2).curves
    assert len(curve.ranks) == 16
    assert curve.ranks[-1].value == 1


def test_unchanged_pictures_are_matched_and_re_identified(recognizers):
    originals = recognizers["one"][0]
    (row,), gaps, _ = privacy.recognizer_table({"one": (originals, originals)}, persons=PERSONS, false_accept_rate=0.01)
    assert (row.similarity, row.protected.value, row.re_identified.value) == ((1, 1, 1), 0, 1)
    assert row.equal_error.value == 0
    assert gaps == ()


def test_the_threshold_may_come_from_other_people(recognizers):
    others = np.random.default_rng(5).normal(size=(90, 32))
    both = np.repeat(others, 2, axis=0)
    options = {"persons": PERSONS, "resamples": 50}
    one = {"one": recognizers["one"]}
    (row,), *_ = privacy.recognizer_table(one, impostors={"one": others}, **options)
    assert row.threshold == privacy.match_threshold(others, resamples=50)
    (row,), *_ = privacy.recognizer_table(
        one, impostors={"one": both}, impostor_persons=np.repeat(np.arange(90), 2), **options
    )
    assert row.threshold.value == pytest.approx(privacy.match_threshold(others, resamples=50).value)
    with pytest.raises(ValueError, match=r"no impostors for \['two'\]; wanted impostors for every recognizer"):
        privacy.recognizer_table(recognizers, impostors={"one": others}, **options)


def test_the_gallery_may_hold_more_originals(recognizers):
    originals, made = recognizers["one"]
    half, options = PERSONS < 30, {"impostors": {"one": originals}, "false_accept_rate": 0.01, "resamples": 50}
    pair = {"one": (originals[half], made[half])}
    (alone,), *_ = privacy.recognizer_table(pair, persons=PERSONS[half], **options)
    (row,), *_ = privacy.recognizer_table(
        pair, persons=PERSONS[half], gallery={"one": originals}, gallery_persons=PERSONS, **options
    )
    found = privacy.ranks(made, originals, PERSONS)
    assert row.re_identified.value == pytest.approx(privacy.found_within(found, k=1)[half].mean())
    assert row.re_identified.value < alone.re_identified.value
    for gallery in ({"gallery": {"one": originals}}, {"gallery_persons": PERSONS}):
        with pytest.raises(ValueError, match="only one of gallery and gallery_persons; wanted both, or neither"):
            privacy.recognizer_table(pair, persons=PERSONS[half], **gallery, **options)


def test_errors_name_the_recognizer_or_the_attribute(recognizers):
    originals, made = recognizers["one"]
    with pytest.raises(ValueError, match="two: 1,770 pairs of two persons; .* rate of 0.001 needs 3,688"):
        privacy.recognizer_table({"two": (originals[::2], made[::2])})
    with pytest.raises(ValueError, match="two: 1 of 120 anonymized are zero or not finite"):
        privacy.recognizer_table({"two": (originals, np.where(np.arange(COUNT)[:, None] == 3, np.nan, made))})
    with pytest.raises(ValueError, match="wanted one or more recognizers with the same number of pictures, got none"):
        privacy.recognizer_table({})
    with pytest.raises(ValueError, match="the same number of pictures, got {'one': 120, 'two': 110}"):
        privacy.recognizer_table({"one": (originals, made), "two": (originals[:110], made[:110])}, resamples=2)
    with pytest.raises(ValueError, match=r"sex: groups have shape \(3,\)"):
        privacy.recognizer_table({"one": (originals, made)}, groups={"sex": ["a", "b", "c"]}, resamples=2)
    smile = {"smile": np.where(np.arange(COUNT) % 2, "yes", "no")}
    with pytest.raises(ValueError, match="smile: 60 of 60 persons are in two groups"):
        privacy.recognizer_table({"one": (originals, made)}, persons=PERSONS, groups=smile, false_accept_rate=0.01)
