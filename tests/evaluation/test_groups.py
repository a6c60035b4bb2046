"""STEP 1 and STEP 2 on faces that are points on a circle: every choice can be seen by eye."""

import types

import numpy as np
import pytest

from perface_jax import evaluation
from perface_jax.datasets.celeba_files import GROUPS
from perface_jax.evaluation import settings
from perface_jax.evaluation.groups import others, tasks
from perface_jax.groups import Equalize, Rule, UnequalGroups
from perface_jax.settings import default
from perface_jax.statistics.estimates import UNKNOWN

OPTIONS = {"rule": Rule.CONFIDENCE_LIMIT, "factor": 1.96}
ROWS = OPTIONS | {"resamples": 20}


class Faces(types.SimpleNamespace):
    """`each` faces of every group; those of one group point in nearly the same direction."""

    def __init__(self, each, *, prefix, turn=0.0, spread=0.1):
        self.group = np.repeat(np.arange(4), each).astype(np.int32)
        self.male, self.young = np.isin(self.group, (0, 2)), np.isin(self.group, (0, 1))
        self.names = tuple(f"{prefix}{i}" for i in range(4 * each))
        self.angles = self.group * np.pi / 2 + turn + spread * np.tile(np.arange(each), 4)

    def vectors(self):
        return evaluation.Vectors(self.names, np.stack([np.cos(self.angles), np.sin(self.angles)], axis=1))

    def __getitem__(self, place):
        return np.full((4, 4, 3), place, np.uint8)


def embedded(gallery, queries):
    both = evaluation.Vectors(
        gallery.names + queries.names, np.concatenate([gallery.vectors().embeddings, queries.vectors().embeddings])
    )
    return evaluation.embed_faces(both, gallery, queries)


def test_the_three_tasks_are_the_four_groups_and_their_unions():
    found = tasks(Faces(3, prefix="g"), Faces(2, prefix="q"), GROUPS)
    classes, members, truth = found["four groups"]
    assert classes == GROUPS
    np.testing.assert_array_equal(members.sum(1), [3] * 4)
    np.testing.assert_array_equal(truth, [0, 0, 1, 1, 2, 2, 3, 3])
    classes, members, truth = found["male / female"]
    assert (classes, members.sum(1).tolist(), truth.tolist()) == (("male", "female"), [6, 6], [0, 0, 1, 1] * 2)
    classes, members, truth = found["young / older"]
    assert (classes, truth.tolist()) == (("young", "older"), [0] * 4 + [1] * 4)


def test_faces_that_stand_with_their_group_are_classified_right():
    gallery, queries = Faces(5, prefix="g"), Faces(3, prefix="q", turn=0.1)
    rows = evaluation.group_rows({"circle": embedded(gallery, queries)}, gallery, queries, GROUPS, **ROWS)
    four = [row for row in rows if row.task == "four groups"]
    assert [row.group for row in four] == [*GROUPS, "all"]
    assert four[-1].top1.value == 1
    assert all(row.recall.value == row.ranking_auc.value == 1 for row in four[:-1])
    assert {row.model for row in rows} == {"circle"}


def test_faces_that_stand_with_another_group_are_counted_there():
    gallery, queries = Faces(5, prefix="g"), Faces(3, prefix="q", turn=np.pi / 2)  # each a quarter turn further on
    rows = evaluation.group_rows({"circle": embedded(gallery, queries)}, gallery, queries, GROUPS, **ROWS)
    assert all(row.recall.value == 0 for row in rows if row.task == "four groups" and row.group != "all")


def test_a_query_that_is_a_member_is_left_out_of_its_group():
    gallery, queries = Faces(3, prefix="g"), Faces(3, prefix="q")
    queries.names = gallery.names[:1] + queries.names[1:]
    _, members, _ = tasks(gallery, queries, GROUPS)["four groups"]
    where = others(members, gallery, queries)
    assert where.shape == (12, 4, 12)
    np.testing.assert_array_equal(where[0, 0], [False, True, True] + [False] * 9)
    np.testing.assert_array_equal(where[1], members)


def test_a_group_of_fewer_than_two_is_refused_by_name():
    gallery, queries = Faces(1, prefix="g"), Faces(1, prefix="q")
    with pytest.raises(ValueError, match=r"fewer than two members.*young male \(1\)"):
        evaluation.group_rows({"circle": embedded(gallery, queries)}, gallery, queries, GROUPS, **ROWS)


def select(gallery, queries, **options):
    options = {"each": 1, "k": 2, "max_similarity": 0.98, "band": (0.0, 1.0), **OPTIONS, **options}
    return evaluation.select(embedded(gallery, queries), gallery, queries, GROUPS, **options)


def test_the_least_similar_of_the_chosen_group_are_proposed():
    gallery, queries = Faces(6, prefix="g"), Faces(2, prefix="q")
    ranked = select(gallery, queries)
    np.testing.assert_array_equal(ranked.places, [0, 2, 4, 6])
    np.testing.assert_array_equal(ranked.group, [0, 1, 2, 3])
    # The query stands at 0, the members at 0, .1, ... .5: the furthest are the last two.
    np.testing.assert_array_equal(ranked.proposed["least similar"].index[0], [5, 4])
    np.testing.assert_allclose(ranked.proposed["least similar"].similarity[0], np.cos([0.5, 0.4]), atol=1e-6)
    np.testing.assert_array_equal(ranked.most.index[0], [0, 1])
    # cos .1 = .995 and cos .2 = .980 are too alike, cos .3 = .955 is not.
    np.testing.assert_array_equal(ranked.proposed["least similar, diverse"].index[0], [5, 2])
    assert set(ranked.proposed["random"].index[1]) <= set(range(6, 12))


def test_the_band_leaves_out_both_ends():
    ranked = select(Faces(6, prefix="g"), Faces(2, prefix="q"), band=(0.2, 0.8), k=6)
    np.testing.assert_array_equal(ranked.proposed["least similar in the band"].index[0], [4, 3, 2, 1, -1, -1])


def test_rows_name_every_candidate_proposed_and_leave_out_what_is_none():
    gallery, queries = Faces(3, prefix="g"), Faces(2, prefix="q")
    rows = evaluation.selection_rows({"circle": select(gallery, queries, k=5)}, gallery, queries)
    first = [row for row in rows if row.query == "q0" and row.method == "least similar"]
    assert [(row.rank, row.candidate) for row in first] == [(1, "g2"), (2, "g1"), (3, "g0")]
    assert first[0].group == "young male"
    assert {row.method for row in rows} == {
        "least similar", "least similar, diverse", "least similar in the band", "random",
    }  # fmt: skip


def rows_of(gallery, queries, models, **options):
    return evaluation.group_rows(models, gallery, queries, GROUPS, **ROWS | options)


def test_the_gain_over_the_model_before_training_is_paired():
    gallery, queries = Faces(5, prefix="g"), Faces(3, prefix="q", turn=0.1)
    wrong = embedded(gallery, Faces(3, prefix="q", turn=np.pi / 2))
    models = {"before": wrong, "after": embedded(gallery, queries)}
    rows = {
        (row.task, row.model): row
        for row in rows_of(gallery, queries, models, before={"after": "before"})
        if row.group == "all"
    }
    row = rows["four groups", "after"]
    assert (row.gain, row.p) == ((1, 1, 1), 2 / 21)
    assert rows["four groups", "before"].gain == UNKNOWN
    assert np.isnan(rows["four groups", "before"].p)


def test_intervals_draw_members_too():
    gallery, queries = Faces(3, prefix="g", spread=0.7), Faces(3, prefix="q", turn=0.7, spread=0.2)
    rows = rows_of(gallery, queries, {"circle": embedded(gallery, queries)}, rule=Rule.NEAREST, resamples=200)
    whole = next(row for row in rows if row.group == "all" and row.task == "four groups")
    assert whole.top1.value == 1  # and with these members always: without draws of members no width
    assert whole.top1.low < 1


def test_a_face_whose_distances_are_no_numbers_is_named():
    gallery, queries = Faces(3, prefix="g"), Faces(2, prefix="q")
    good = embedded(gallery, queries)
    bad = good._replace(distances=np.where(np.arange(8)[:, None] == 5, np.nan, good.distances))
    for use in (
        lambda: rows_of(gallery, queries, {"circle": bad}),
        lambda: evaluation.select(
            bad, gallery, queries, GROUPS, each=1, k=2, max_similarity=1.0, band=(0.0, 1.0), **OPTIONS
        ),
    ):
        with pytest.raises(ValueError, match=r"NaN: query q5\. "):
            use()


def test_groups_of_different_sizes_are_warned_of_and_equalized():
    gallery, queries = Faces(8, prefix="g"), Faces(2, prefix="q")
    gallery.group = np.where((gallery.group == 1) & (np.arange(32) > 9), 0, gallery.group)  # 14, 2, 8, 8
    gallery.young, gallery.male = np.isin(gallery.group, (0, 1)), np.isin(gallery.group, (0, 2))
    options = {"rule": Rule.NEAREST, "equalize": Equalize.NO}
    by_gender, by_group = evaluation.group_warnings(gallery, queries, GROUPS, **options)
    assert "male 22, female 10" in by_gender
    assert "young male 14, young female 2, older male 8, older female 8" in by_group
    assert evaluation.group_warnings(gallery, queries, GROUPS, **options | {"equalize": Equalize.SUBSAMPLE}) == []
    circle = {"circle": embedded(gallery, queries)}
    with pytest.warns(UnequalGroups, match="more than 2 times"):
        rows_of(gallery, queries, circle, rule=Rule.NEAREST)
    for equalize, rule in ((Equalize.SUBSAMPLE, Rule.NEAREST), (Equalize.LIMIT, Rule.CONFIDENCE_LIMIT)):
        assert rows_of(gallery, queries, circle, rule=rule, equalize=equalize)
        assert select(gallery, queries, rule=rule, equalize=equalize)


def test_the_limit_is_refused_for_other_rules_before_anything_is_computed():
    config = default(settings.FIELDS, "triplets")
    config.groups.equalize = "limit"
    settings.check(config)
    config.groups.rule = "nearest"
    with pytest.raises(ValueError, match="for the rule confidence_limit, and config.groups.rule is nearest"):
        settings.check(config)
