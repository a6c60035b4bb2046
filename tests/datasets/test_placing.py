"""Sources and targets of whole grids, of parts of grids, and from files."""

import shutil

import numpy as np
import pytest

from perface_jax import annotations
from perface_jax.datasets import sim_celeba
from tests.datasets.test_sim_celeba import GROUPS, TARGET_BY_TARGET, clean_votes, in_order
from tests.releases import GRID, write_answers, write_release, write_table

SOURCES, TARGETS = 12, 7
IDS = "tripletId,source,target"


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A grid of 12 x 7, in groups of 3 sources, with votes that follow the source."""
    source_id, _ = annotations.cells("group_major", SOURCES, TARGETS, block=3)
    votes = np.random.default_rng(0).integers(0, 2, SOURCES)[source_id][:, None].repeat(3, axis=1)
    folder = tmp_path_factory.mktemp("user") / "release"
    return write_release(folder, sources=SOURCES, targets=TARGETS, block=3, size=16, votes=votes)


@pytest.fixture
def copy(wide, tmp_path):
    return shutil.copytree(wide, tmp_path / "release")


def built(folder, tmp_path, **options):
    return sim_celeba.load(sim_celeba.build(folder, tmp_path / "data", image_size=8, **options))


def true_ids():
    return annotations.cells("group_major", SOURCES, TARGETS, block=3)


def test_a_grid_that_is_not_square_is_found_in_the_pictures(wide, tmp_path):
    triplets = built(wide, tmp_path, grid=(SOURCES, TARGETS), repair="to_pictures")
    np.testing.assert_array_equal((triplets.source_id, triplets.target_id), true_ids())
    assert triplets.metadata["order_note"] == ""


def test_a_file_of_a_whole_grid_in_a_named_order_is_audited_and_repaired_as_without_it(tmp_path):
    cells = clean_votes()
    votes = in_order(cells, *GROUPS)
    votes[:, 2] = in_order(cells, *TARGET_BY_TARGET)[:, 2]  # the fault of the real file
    folder = write_release(tmp_path / "r", sources=16, targets=16, size=16, votes=votes, block=4)
    source_id, target_id = annotations.cells("group_major", 16, 16, block=4)
    names = [f"t{i:04d}" for i in range(256)]
    path = write_table(tmp_path / "ids.csv", IDS, names, 100 + source_id, [f"street {i}" for i in target_id])
    triplets = built(folder, tmp_path, ids=path, repair="to_pictures")
    assert triplets.votes.tolist() == in_order(cells, *GROUPS).tolist()
    assert len(triplets.metadata["repair"]) == 1
    assert triplets.source_id.tolist() == (100 + source_id).tolist()
    order = triplets.metadata["order"]
    assert order["words"] == "sources and targets from ids.csv, group-major in groups of 4 sources"
    assert [order["target_names"][i] for i in triplets.target_id] == [f"street {i}" for i in target_id]


def test_an_incomplete_crossing_has_its_sources_from_a_file_and_no_audit_of_row_orders(copy, tmp_path):
    source_id, target_id = true_ids()
    kept = np.flatnonzero((source_id + target_id) % 4 > 0)
    names = [f"t{i:04d}" for i in kept]
    write_answers(copy, annotations.read_answers(copy / "triplet_answers.csv").votes[kept], names)
    path = write_table(tmp_path / "ids.csv", IDS, names, source_id[kept], target_id[kept])
    triplets = built(copy, tmp_path, ids=path, repair="to_pictures")
    assert triplets.ids == tuple(names)
    assert triplets.source_id.tolist() == source_id[kept].tolist()
    assert triplets.metadata["order_note"] == (
        "the triplets of ids.csv are not a whole grid in a row order that has a name"
    )
    assert triplets.metadata["repair"] == []
    assert len(triplets.metadata["without_answers"]) == 84 - len(kept)
    # The numbers of the triplets say the same, if the pictures of the whole grid are there.
    again = built(copy, tmp_path, grid=(SOURCES, TARGETS), repair="to_pictures")
    np.testing.assert_array_equal((again.source_id, again.target_id), (triplets.source_id, triplets.target_id))
    assert again.metadata["order_note"] == f"{84 - len(kept)} of the 84 triplets of the grid have no answers"


def test_a_selection_of_triplets_keeps_its_places_in_the_grid(copy, tmp_path):
    source_id, target_id = true_ids()
    kept = np.flatnonzero(source_id % 2 == 0)
    for i in set(range(84)) - set(kept.tolist()):
        for role in "abc":
            (copy / "triplet" / f"t{i:04d}_{role}.jpg").unlink()
    write_answers(copy, annotations.read_answers(copy / "triplet_answers.csv").votes[kept], [f"t{i:04d}" for i in kept])
    triplets = built(copy, tmp_path, grid=(SOURCES, TARGETS))
    assert triplets.source_id.tolist() == source_id[kept].tolist()
    assert triplets.target_id.tolist() == target_id[kept].tolist()
    with pytest.raises(
        ValueError, match=r"42 triplets, expected 24 .*give ids=FILE \(config.data.ids\), or order='unk"
    ):
        built(copy, tmp_path, **GRID)


def test_votes_with_holes_keep_their_holes_and_say_that_columns_were_not_compared(copy, tmp_path):
    votes = np.array(annotations.read_answers(copy / "triplet_answers.csv").votes)
    votes[3, 1] = votes[10, 0] = votes[10, 2] = -1
    votes[20] = -1
    write_answers(copy, votes)
    triplets = built(copy, tmp_path, grid=(SOURCES, TARGETS), repair="to_pictures")
    assert triplets.votes.tolist() == votes.tolist()
    assert triplets.metadata["order_note"] == "votes missing from the answer columns: 6"


def test_triplets_of_your_own_have_names_and_a_file_of_ids(tmp_path):
    folder = write_release(tmp_path / "own", sources=3, targets=2, block=1, size=16)
    names = ["smile", "frown", "wink", "nod", "yawn", "blink"]
    for i, name in enumerate(names):
        for role in "abc":
            (folder / "triplet" / f"t{i:04d}_{role}.jpg").rename(folder / "triplet" / f"{name}_{role}.jpg")
    write_answers(folder, [[0, 0, 1]] * 6, names)
    path = write_table(tmp_path / "ids.csv", IDS, names[:5], ["ann", "bob", "ann", "cy", "bob"], [1, 1, 2, 2, 2])
    triplets = built(folder, tmp_path, ids=str(path))
    assert triplets.ids == tuple(names[:5])
    assert triplets.absent == ("blink",)
    assert (triplets.source_id.tolist(), triplets.target_id.tolist()) == ([0, 1, 0, 2, 1], [1, 1, 2, 2, 2])
    unknown = built(folder, tmp_path, order="unknown")
    assert set(unknown.source_id) == {-1}
    assert unknown.metadata["order_note"] == "the order of the pictures is unknown"
    with pytest.raises(ValueError, match="6 triplets are not a square grid.* give ids=FILE"):
        built(folder, tmp_path)


def test_another_file_of_ids_is_another_data_set(wide, tmp_path):
    source_id, target_id = true_ids()
    names = [f"t{i:04d}" for i in range(84)]
    path = write_table(tmp_path / "ids.csv", IDS, names, source_id, target_id)
    one = built(wide, tmp_path, ids=path)
    write_table(path, IDS, names, source_id[::-1], target_id)
    assert built(wide, tmp_path, ids=path).source_id.tolist() == source_id[::-1].tolist() != one.source_id.tolist()
    with pytest.raises(
        ValueError, match=r"ids .*ids.csv names sources and targets: leave out order \('auto'\) and grid"
    ):
        sim_celeba.Config(ids=path, **GRID)


def test_a_whole_grid_in_any_named_order_is_recognized_by_its_pairs():
    generator = np.random.default_rng(0)
    for order in annotations.grid_orders(6, 4):
        source_id, target_id = annotations.cells(order.kind, 6, 4, block=order.block)
        source_id, target_id = generator.permutation(6)[source_id], generator.permutation(9)[target_id]
        assert annotations.order_of(source_id, target_id) == order
    assert annotations.order_of(source_id[:-1], target_id[:-1]) is None
    shuffled = generator.permutation(24)
    assert annotations.order_of(source_id[shuffled], target_id[shuffled]) is None
