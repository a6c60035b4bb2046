import itertools

import numpy as np
import pytest
from PIL import Image

from perface_jax.datasets import plans
from perface_jax.datasets.identities import read_identities, split_identities, training_plan, verification_pairs
from tests.pictures import levels, noise

IDENTITY = np.array([2, 0, 5, 2, 0, 5, 5, 9, 2, 0, 9, 5, 2, 7])


def save(path, size=8, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(size, size, 3, seed=seed)).save(path)


def read(folder, **options):
    return read_identities(folder, **{"image_size": 8, "crop": "simswap", **options})


def test_sub_folders_are_identities_and_their_pictures_come_in_the_order_of_names(tmp_path):
    for seed, name in enumerate(["bert/2.png", "anna/z.bmp", "bert/10.PNG", "anna/a.webp", "carl/1.jpg"]):
        save(tmp_path / name, seed=seed)
    found = read(tmp_path)
    assert found.names == ("anna", "bert", "carl")
    assert found.identity.tolist() == [0, 0, 1, 1, 2]
    assert found.skipped == ()
    assert (found.identity.dtype, found.pictures.dtype, found.pictures.shape) == (np.int32, np.uint8, (5, 8, 8, 3))
    np.testing.assert_array_equal(found.pictures[1:4], [noise(8, 8, 3, seed=seed) for seed in (1, 2, 0)])


def test_hidden_and_other_files_are_not_looked_at_and_pictures_elsewhere_are_listed(tmp_path):
    for name in ["a/1.png", "b/1.png", "a/.2.png", "a/deeper/3.png", ".c/4.png", "5.png"]:
        save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("dear")
    (tmp_path / "empty").mkdir()
    with pytest.warns(UserWarning, match="2 of 4 pictures cannot be used: 2 not directly in the folder of an identity"):
        found = read(tmp_path)
    assert found.names == ("a", "b")
    assert len(found.pictures) == 2
    assert [text.partition(":")[0] for text in found.skipped] == ["5.png", "a/deeper/3.png"]


def test_pictures_are_brought_to_size_by_their_crop(tmp_path):
    save(tmp_path / "a" / "1.png", size=16, seed=1)
    save(tmp_path / "b" / "1.png", size=16, seed=2)
    wanted = Image.open(tmp_path / "b" / "1.png").resize((8, 8), Image.Resampling.BILINEAR)
    assert levels(read(tmp_path).pictures[1], wanted) <= 1
    assert levels(read(tmp_path, crop="celeba_hq").pictures[1], wanted) > 10  # cut to the face first


def test_pictures_that_cannot_be_used_are_listed_and_an_identity_without_any_is_left_out(tmp_path):
    for name in ["a/1.png", "a/3.png", "c/1.png"]:
        save(tmp_path / name, seed=int(name[2]))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.jpg").write_bytes(b"")
    Image.fromarray(noise(8, 9, 3)).save(tmp_path / "a" / "2.png")
    with pytest.warns(
        UserWarning, match=r"2 of 5 pictures cannot be used: 1 not square and without landmarks .a/2.png., 1 an empty"
    ):
        found = read(tmp_path)
    assert found.names == ("a", "c")
    assert found.identity.tolist() == [0, 0, 1]
    assert [text.split(":")[0] for text in found.skipped] == ["a/2.png", "b/1.jpg"]
    assert found.skipped[1] == "b/1.jpg: an empty file (0 bytes)"
    np.testing.assert_array_equal(found.pictures[1], noise(8, 8, 3, seed=3))


def test_folders_without_two_identities_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*nobody, expected one with a sub-folder"):
        read(tmp_path / "nobody")
    save(tmp_path / "1.png")
    with (
        pytest.warns(UserWarning, match="1 of 1"),
        pytest.raises(ValueError, match=r": 0 sub-folders with pictures, expected at least 2, .*anna/1.jpg"),
    ):
        read(tmp_path)
    save(tmp_path / "a" / "1.png")
    (tmp_path / "1.png").unlink()
    with pytest.raises(ValueError, match=": 1 sub-folders with pictures, expected at least 2"):
        read(tmp_path)
    save(tmp_path / "b" / "1.png")
    with pytest.raises(ValueError, match="saw template 'simswop'"):
        read(tmp_path, crop="simswop")


def test_identities_are_divided_without_rest_and_by_the_seed():
    parts = split_identities(10, sizes=(6, 1, 3), seed=0)
    assert [len(part) for part in parts] == [6, 1, 3]
    assert sorted(np.concatenate(parts).tolist()) == list(range(10))
    assert all((np.diff(part) > 0).all() for part in parts)
    assert split_identities(10, sizes=(6, 1, 3), seed=1)[0].tolist() != parts[0].tolist()
    assert len(split_identities(10, sizes=(10, 0, 0), seed=0)[1]) == 0


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((6, 1, 2), "sizes 6/1/2 sum to 9, but there are 10 identities"),
        ((12, -2, 0), "sizes 12/-2/0 sum to 10, .* none negative"),
        ((6, 4), "sizes 6/4 sum to 10, .* train, validation and test"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        split_identities(10, sizes=sizes, seed=0)
    with pytest.raises(TypeError, match="float"):
        split_identities(10, sizes=(6.0, 1, 3), seed=0)


def plan(step=0, indices=(0, 2, 3, 5, 6, 8, 11, 12, 13), **options):
    return training_plan(IDENTITY, indices, **{"batch_size": 4, "seed": 0, "step": step, **options})


def test_a_plan_holds_pictures_and_their_classes_among_the_identities_trained_on():
    made = plan()
    assert {name: (value.shape, value.dtype) for name, value in made.items()} == {
        "pictures": ((4, 1), np.int32), "flip": ((4,), bool), "identity": ((4,), np.int32),
        "weight": ((4,), np.float32)}  # fmt: skip
    classes = {2: 0, 5: 1, 7: 2}  # identities 0 and 9 are not trained on
    for step in range(4):
        made = plan(step)
        assert made["identity"].tolist() == [classes[IDENTITY[place]] for place in made["pictures"][:, 0]]
        assert made["weight"].tolist() == [1] * 4


def test_an_epoch_holds_no_picture_twice_and_the_next_epoch_has_another_order():
    epochs = [np.concatenate([plan(2 * epoch + i)["pictures"][:, 0] for i in range(2)]) for epoch in range(2)]
    assert [len(set(epoch.tolist())) for epoch in epochs] == [8, 8]  # 9 // 4 = 2 steps an epoch
    assert epochs[0].tolist() != epochs[1].tolist()
    assert set(np.concatenate(epochs).tolist()) <= {0, 2, 3, 5, 6, 8, 11, 12, 13}


def test_a_plan_is_a_function_of_seed_and_step_and_draws_as_the_triplets_do():
    one, other = plan(7), plan(7)
    assert all(np.array_equal(one[name], other[name]) for name in one)
    assert plan(7, seed=1)["pictures"].tolist() != one["pictures"].tolist()
    triplets = type("Source", (), {"votes": np.zeros((14, 3), np.int8)})
    same = plans.training_plan(triplets, np.zeros(14, int), range(14), batch_size=4, seed=3, step=5)
    mine = training_plan(IDENTITY, range(14), batch_size=4, seed=3, step=5)
    np.testing.assert_array_equal(mine["pictures"][:, 0], same["triplet"])
    np.testing.assert_array_equal(mine["flip"], same["flip"])


def test_about_half_of_the_pictures_are_mirrored_or_none():
    flips = np.stack([plan(step)["flip"] for step in range(100)])
    assert 0.4 < flips.mean() < 0.6  # 400 draws: 4 standard deviations
    assert not np.stack([plan(step, flip=False)["flip"] for step in range(9)]).any()


def test_too_few_pictures_and_indices_of_none_are_refused():
    with pytest.raises(ValueError, match="do not fill one batch of 10"):
        plan(batch_size=10)
    with pytest.raises(ValueError, match="batch_size is 0"):
        plan(batch_size=0)
    for indices in ([0, -1, 2, 3], [0, 14, 2, 14]):
        with pytest.raises(ValueError, match=rf"indices are outside of 0..13, the first is {indices[1]}"):
            plan(indices=indices)
    with pytest.raises(ValueError, match=r"1 of \d+ indices are outside of 0..13, the first is 14"):
        verification_pairs(IDENTITY, [14], pairs=2, seed=0)


def test_pairs_take_turns_are_true_and_do_not_repeat():
    indices = [0, 1, 3, 4, 7, 8, 9, 10, 12, 13]
    pictures, same = verification_pairs(IDENTITY, indices, pairs=20, seed=0)
    assert (pictures.shape, pictures.dtype, same.dtype) == ((20, 2), np.int32, bool)
    np.testing.assert_array_equal(IDENTITY[pictures[:, 0]] == IDENTITY[pictures[:, 1]], same)
    assert same.reshape(10, 2).sum(axis=1).tolist() == [1] * 10  # every tenth holds both kinds equally
    assert len({frozenset(pair) for pair in pictures.tolist()}) == 20
    assert set(pictures.ravel().tolist()) <= set(indices)
    again = verification_pairs(IDENTITY, indices[::-1], pairs=20, seed=0)[0]
    np.testing.assert_array_equal(pictures, again)
    assert verification_pairs(IDENTITY, indices, pairs=20, seed=1)[0].tolist() != pictures.tolist()


def test_every_pair_there_is_can_be_drawn():
    # 4 pictures of one person and 1 of another: 6 pairs of one identity, 4 of two
    indices = [0, 3, 8, 12, 7]
    drawn = [verification_pairs(IDENTITY, indices, pairs=8, seed=seed) for seed in range(40)]
    for kind, wanted in ((True, itertools.combinations([0, 3, 8, 12], 2)), (False, [(7, i) for i in (0, 3, 8, 12)])):
        seen = {frozenset(pair) for pictures, same in drawn for pair in pictures[same == kind].tolist()}
        assert seen == set(map(frozenset, wanted))


@pytest.mark.parametrize(
    ("indices", "pairs", "message"),
    [
        ([0, 3, 8, 12, 7], 10, "4 pairs of pictures show two identities, 5 are wanted"),
        ([0, 3, 7, 13], 4, "1 pairs of pictures show one identity, 2 are wanted"),
        ([0, 0, 0, 7], 2, "0 pairs of pictures show one identity, 1 are wanted"),
        ([], 2, "0 pairs of pictures show one identity"),
        (range(14), 5, "pairs is 5, expected an even number"),
        (range(14), 0, "pairs is 0, expected an even number, at least 2"),
    ],
)
def test_pairs_that_cannot_be_drawn_are_refused(indices, pairs, message):
    with pytest.raises(ValueError, match=message):
        verification_pairs(IDENTITY, indices, pairs=pairs, seed=0)
