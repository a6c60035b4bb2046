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
def embedders():
    """Two recognisers; under the second one, all but the first half of the pictures are well hidden."""
    random = np.random.default_rng(0)
    originals = np.repeat(random.normal(size=(COUNT // 2, 32)), 2, axis=0) + 0.3 * random.normal(size=(COUNT, 32))
    noise, hidden = random.normal(size=(COUNT, 32)), np.arange(COUNT)[:, None] >= COUNT // 2
    return {"one": (originals, originals + 2 * noise), "two": (originals, np.where(hidden, 0, originals) + noise)}


@pytest.fixture(scope="module")
def table(embedders):
    return privacy.machine_table(
        embedders, persons=PERSONS, groups=GROUPS, false_accept_rate=0.01, resamples=200, seed=1
    )


def test_there_is_a_row_for_every_recogniser_and_group(table):
    groups = [("all", "all"), ("sex", "female"), ("sex", "male"), ("age", "older"), ("age", "young"), ("one", "only")]
    wanted = [(name, *group) for name in ("one", "two") for group in groups]
    assert [row[:3] for row in table.rows] == wanted
    assert [(row.pairs, row.persons) for row in table.rows[:6]] == [
        (120, 60),
        *[(60, 30)] * 2,
        *[(40, 20)] * 2,
        (120, 60),
    ]
    assert [gap[:2] for gap in table.gaps] == [("one", "sex"), ("one", "age"), ("two", "sex"), ("two", "age")]


@pytest.mark.parametrize("index", range(12))
def test_a_row_is_what_its_functions_say_of_its_pictures(table, embedders, index):
    row = table.rows[index]
    members = np.ones(COUNT, bool) if row.attribute == "all" else GROUPS[row.attribute] == row.group
    originals, made = embedders[row.embedder]
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


def test_gaps_are_those_of_protection(table, embedders):
    originals, made = embedders["two"]
    protected = privacy.paired_similarity(originals, made) <= table.rows[6].threshold.value
    assert table.gaps[2].gap == privacy.largest_gap(protected, GROUPS["sex"], PERSONS, resamples=200, seed=1)
    assert table.gaps[2].gap.highest == "male"
    assert table.gaps[2].gap.p_value < 0.05 < table.gaps[0].gap.p_value


def test_pictures_that_were_not_changed_are_matched_and_found(embedders):
    originals = embedders["one"][0]
    (row,), gaps = privacy.machine_table({"one": (originals, originals)}, persons=PERSONS, false_accept_rate=0.01)
    assert (row.similarity, row.protected.value, row.re_identified.value) == ((1, 1, 1), 0, 1)
    assert row.equal_error.value == 0
    assert gaps == ()


def test_the_threshold_may_come_from_other_people(embedders):
    others = np.random.default_rng(5).normal(size=(90, 32))
    both = np.repeat(others, 2, axis=0)
    options = {"persons": PERSONS, "resamples": 50}
    one = {"one": embedders["one"]}
    (row,), _ = privacy.machine_table(one, impostors={"one": others}, **options)
    assert row.threshold == privacy.match_threshold(others, resamples=50)
    (row,), _ = privacy.machine_table(
        one, impostors={"one": both}, impostor_persons=np.repeat(np.arange(90), 2), **options
    )
    assert row.threshold.value == pytest.approx(privacy.match_threshold(others, resamples=50).value)
    with pytest.raises(ValueError, match=r"no impostors for \['two'\]; wanted some for every recogniser"):
        privacy.machine_table(embedders, impostors={"one": others}, **options)


def test_the_gallery_may_hold_more_originals(embedders):
    originals, made = embedders["one"]
    half, options = PERSONS < 30, {"impostors": {"one": originals}, "false_accept_rate": 0.01, "resamples": 50}
    pair = {"one": (originals[half], made[half])}
    (alone,), _ = privacy.machine_table(pair, persons=PERSONS[half], **options)
    (row,), _ = privacy.machine_table(
        pair, persons=PERSONS[half], gallery={"one": originals}, gallery_persons=PERSONS, **options
    )
    found = privacy.ranks(made, originals, PERSONS)
    assert row.re_identified.value == pytest.approx(privacy.found_within(found, k=1)[half].mean())
    assert row.re_identified.value < alone.re_identified.value
    for gallery in ({"gallery": {"one": originals}}, {"gallery_persons": PERSONS}):
        with pytest.raises(ValueError, match="gallery or gallery_persons alone; wanted both, or neither"):
            privacy.machine_table(pair, persons=PERSONS[half], **gallery, **options)


def test_errors_name_the_recogniser_or_the_attribute(embedders):
    originals, made = embedders["one"]
    with pytest.raises(ValueError, match="two: 1,770 pairs of two persons; .* rate of 0.001 needs 3,688"):
        privacy.machine_table({"two": (originals[::2], made[::2])})
    with pytest.raises(ValueError, match="two: 1 of 120 anonymised are zero or no finite numbers"):
        privacy.machine_table({"two": (originals, np.where(np.arange(COUNT)[:, None] == 3, np.nan, made))})
    with pytest.raises(ValueError, match="wanted one or more recognisers with as many pictures each, got none"):
        privacy.machine_table({})
    with pytest.raises(ValueError, match="as many pictures each, got {'one': 120, 'two': 110}"):
        privacy.machine_table({"one": (originals, made), "two": (originals[:110], made[:110])}, resamples=2)
    with pytest.raises(ValueError, match=r"sex: groups have shape \(3,\)"):
        privacy.machine_table({"one": (originals, made)}, groups={"sex": ["a", "b", "c"]}, resamples=2)
    smile = {"smile": np.where(np.arange(COUNT) % 2, "yes", "no")}
    with pytest.raises(ValueError, match="smile: 60 of 60 persons are in two groups"):
        privacy.machine_table({"one": (originals, made)}, persons=PERSONS, groups=smile, false_accept_rate=0.01)
