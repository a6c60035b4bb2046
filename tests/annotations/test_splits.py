"""Splits: sizes, disjointness proved from ids, folds, genders, and refusals."""

import dataclasses
import itertools
import warnings

import numpy as np
import pytest

from perface_jax.annotations import SplitWarning, Validation, cells, random_split, split

SOURCE, TARGET = cells("group_major", 80, 80)


def ids(made, name: str) -> tuple[set, set]:
    return set(SOURCE[made.rows[name]]), set(TARGET[made.rows[name]])


def test_the_settings_are_the_products_of_their_parts():
    made = split(SOURCE, TARGET)
    counts = {name: len(rows) for name, rows in made.rows.items()}
    assert counts == {"train": 56 * 56, "validation": 8 * 64, "i": 16 * 16, "ii": 56 * 16, "iii": 16 * 56}
    assert made.unused == 6400 - sum(counts.values())
    assert str(made) == (
        "by source 56/8/16 and target 56/8/16, seed 0, fold 0: "
        "train 3,136, validation 512, i 256, ii 896, iii 896, unused 704"
    )


@pytest.mark.parametrize("fold", [0, 3])
def test_validation_on_non_test_targets_changes_no_other_setting_and_shares_no_source(fold):
    now, before = (split(SOURCE, TARGET, fold=fold, validation=name) for name in ("non_test_targets", "both_unseen"))
    for name in ("train", "i", "ii", "iii"):
        np.testing.assert_array_equal(now.rows[name], before.rows[name])
    assert set(before.rows["validation"]) < set(now.rows["validation"])
    validation, test = ids(now, "validation"), ids(now, "i")
    assert validation[0] == ids(before, "validation")[0]
    assert not validation[0] & (ids(now, "train")[0] | test[0])
    assert validation[1] == set(range(80)) - test[1]
    assert str(before) == (
        f"by source 56/8/16 and target 56/8/16, seed 0, fold {fold}, validation on its own targets alone: "
        "train 3,136, validation 64, i 256, ii 896, iii 896, unused 1,152"
    )
    with pytest.raises(ValueError, match="settings train and validation share 56 targets"):
        dataclasses.replace(now, validation=Validation.BOTH_UNSEEN)
    with pytest.raises(ValueError, match="validation is 'all'; wanted one of non_test_targets, both_unseen"):
        split(SOURCE, TARGET, validation="all")


def test_what_is_unseen_is_unseen():
    made = split(SOURCE, TARGET, seed=3)
    (train_s, train_t), (val_s, val_t), (i_s, i_t) = (ids(made, name) for name in ("train", "validation", "i"))
    assert not train_s & val_s
    assert train_t < val_t
    assert not (train_s | val_s) & i_s
    assert not (train_t | val_t) & i_t
    assert ids(made, "ii") == (train_s, i_t)
    assert ids(made, "iii") == (i_s, train_t)
    rows = np.concatenate(list(made.rows.values()))
    assert len(rows) == len(set(rows))


def test_every_id_is_a_test_id_in_exactly_one_of_five_folds():
    folds = [split(SOURCE, TARGET, seed=1, fold=fold) for fold in range(5)]
    assert sorted(itertools.chain(*(ids(made, "i")[0] for made in folds))) == list(range(80))
    assert sorted(itertools.chain(*(ids(made, "i")[1] for made in folds))) == list(range(80))


def test_if_test_ids_do_not_divide_the_ids_the_last_fold_overlaps_the_first():
    """80 ids, 15 of them for test: 6 folds hold 90 test ids, so ten ids are in two of them, the last and the first."""
    folds = [split(SOURCE, TARGET, sources=(57, 8, 15), targets=(57, 8, 15), fold=fold) for fold in range(6)]
    tested = [ids(made, "i")[0] for made in folds]
    assert set().union(*tested) == set(range(80))
    assert len(tested[5] & tested[0]) == 10
    assert sum(map(len, tested)) == 90
    with pytest.raises(ValueError, match="fold must be 0 to 5 for 15 test ids of 80 sources, got 6"):
        split(SOURCE, TARGET, sources=(57, 8, 15), targets=(57, 8, 15), fold=6)


def test_sources_and_targets_are_shuffled_differently():
    made = split(SOURCE, TARGET)
    assert ids(made, "i")[0] != ids(made, "i")[1]


def test_the_split_is_a_function_of_seed_and_fold():
    one, again, other = split(SOURCE, TARGET, seed=7), split(SOURCE, TARGET, seed=7), split(SOURCE, TARGET, seed=8)
    np.testing.assert_array_equal(one.rows["train"], again.rows["train"])
    assert not np.array_equal(one.rows["train"], other.rows["train"])


def test_other_grids_and_ids_can_be_split():
    source, target = cells("group_major", 24, 24, block=6)
    made = split(1000 + 7 * source, target, sources=(16, 3, 5), targets=(14, 4, 6))
    assert [len(made.rows[name]) for name in ("train", "validation", "i")] == [16 * 14, 3 * 18, 5 * 6]


def test_no_validation_and_no_test_ids_are_allowed():
    made = split(SOURCE, TARGET, sources=(80, 0, 0), targets=(64, 0, 16))
    assert [len(made.rows[name]) for name in made.rows] == [80 * 64, 0, 0, 80 * 16, 0]


@pytest.mark.parametrize("fold", range(5))
def test_genders_are_in_proportion_in_every_part(fold):
    gender = np.array(["female", "male"])
    genders = {"source_gender": gender[SOURCE % 2], "target_gender": gender[(TARGET >= 40) * 1]}
    made = split(SOURCE, TARGET, fold=fold, validation="both_unseen", **genders)
    for name, size in (("train", 56), ("validation", 8), ("i", 16)):
        sources, targets = ids(made, name)
        assert sum(s % 2 for s in sources) == size // 2
        assert sum(t >= 40 for t in targets) == size // 2


def test_unequal_genders_stay_in_proportion():
    made = split(SOURCE, TARGET, seed=5, source_gender=SOURCE < 20)
    assert sum(s < 20 for s in ids(made, "i")[0]) == 4
    assert sum(s < 20 for s in ids(made, "validation")[0]) == 2


def test_sizes_that_do_not_add_up_are_refused_with_both_numbers():
    with pytest.raises(ValueError, match="sources 56/8/15 sum to 79, but there are 80 source ids"):
        split(SOURCE, TARGET, sources=(56, 8, 15))
    with pytest.raises(ValueError, match="targets 90/0/-10: sizes of .* must not be negative"):
        split(SOURCE, TARGET, targets=(90, 0, -10))


def test_unknown_ids_are_refused():
    with pytest.raises(ValueError, match="target_id has the id -1, which means unknown: build the dataset with an"):
        split(SOURCE, np.full(len(SOURCE), -1))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="fold must be 0 to 4 .* got 5"):
        split(SOURCE, TARGET, fold=5)
    with pytest.raises(ValueError, match="got 6400 and 6399"):
        split(SOURCE, TARGET[1:])
    with pytest.raises(ValueError, match="whole numbers"):
        split(SOURCE / 2, TARGET)
    with pytest.raises(ValueError, match="source 0 has more than one gender"):
        split(SOURCE, TARGET, source_gender=np.where((SOURCE == 0) & (TARGET == 1), "f", "m"))
    with pytest.raises(ValueError, match="one entry per triplet"):
        split(SOURCE, TARGET, source_gender=np.arange(80))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fold": 1.5}, "fold must be a whole number, got 1.5"),
        ({"fold": "1"}, "fold must be a whole number, got '1'"),
        ({"sources": (56.0, 8.0, 16.0)}, r"sources must be whole numbers of .* ids, got \(56.0, 8.0, 16.0\)"),
        ({"targets": 80}, "targets must be whole numbers of .* ids, got 80"),
        ({"seed": 0.5}, "seed must be a whole number, got 0.5"),
    ],
)
def test_numbers_that_are_not_whole_are_refused(options, words):
    with pytest.raises(TypeError, match=words):
        split(SOURCE, TARGET, **options)
    with pytest.raises(TypeError, match="n must be a whole number, got 6400.0"):
        random_split(6400.0)


def test_sizes_may_be_numpy_integers():
    made = split(SOURCE, TARGET, sources=np.array([56, 8, 16]), fold=np.int64(1))
    np.testing.assert_array_equal(made.rows["train"], split(SOURCE, TARGET, fold=1).rows["train"])
    assert str(made).startswith("by source 56/8/16 and target 56/8/16, seed 0, fold 1:")


def spoil(made, name: str, row: int):
    return dataclasses.replace(made, rows=dict(made.rows) | {name: np.append(made.rows[name], row)})


def test_overlapping_settings_are_refused_with_their_ids():
    made = split(SOURCE, TARGET, validation="both_unseen")
    made.check()
    row = made.rows["ii"][0]  # a train source on a test target
    with pytest.raises(ValueError, match=f"train and i share 1 sources: {SOURCE[row]}"):
        spoil(dataclasses.replace(made, rows={k: made.rows[k] for k in ("train", "i")}), "i", row).check()
    with pytest.raises(ValueError, match="i and ii share 1 rows"):
        spoil(dataclasses.replace(made, rows={k: made.rows[k] for k in ("i", "ii")}), "i", row)
    with pytest.raises(ValueError, match="share .* targets"):
        spoil(
            made,
            "train",
            np.flatnonzero(
                np.isin(SOURCE, list(ids(made, "train")[0])) & np.isin(TARGET, list(ids(made, "validation")[1]))
            )[0],
        )


@pytest.mark.parametrize("pair", list(itertools.combinations(["train", "validation", "i", "ii", "iii"], 2)))
def test_check_finds_a_row_in_any_two_settings(pair):
    made = split(SOURCE, TARGET)
    with pytest.raises(ValueError, match="not clean"):
        spoil(made, pair[0], made.rows[pair[1]][0])


def test_a_random_split_warns():
    with pytest.warns(SplitWarning, match="known sources"):
        made = random_split(6400)
    assert {name: len(rows) for name, rows in made.rows.items()} == {"train": 5120, "validation": 640, "test": 640}
    assert sorted(np.concatenate(list(made.rows.values()))) == list(range(6400))
    made.check()
    assert set(SOURCE[made.rows["test"]]) <= set(SOURCE[made.rows["train"]])


def test_a_split_by_ids_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split(SOURCE, TARGET)


def test_fractions_that_do_not_add_up_are_refused():
    for fractions in ((0.8, 0.1, 0.2), (0.8, 0.1, float("nan"))):
        with pytest.raises(ValueError, match="sum to 1"):
            random_split(10, fractions=fractions)
