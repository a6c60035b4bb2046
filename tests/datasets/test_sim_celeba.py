import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from perface_jax import annotations
from perface_jax.datasets import sim_celeba
from tests.releases import GRID, SOURCES, TARGETS, field, write_answers, write_release


def read_votes(folder):
    with open(folder / "triplet_answers.csv") as file:
        return [["ab".index(row[f"ans{k}"]) for k in (1, 2, 3)] for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return write_release(tmp_path_factory.mktemp("user") / "release")


@pytest.fixture(scope="module")
def built(release, tmp_path_factory):
    return sim_celeba.build(release, tmp_path_factory.mktemp("data"), image_size=16, **GRID)


@pytest.fixture
def copy(release, tmp_path):
    return shutil.copytree(release, tmp_path / "release")


def test_pictures_are_those_of_the_release_resized_by_pillow(release, built):
    triplets = sim_celeba.load(built)
    assert len(triplets) == SOURCES * TARGETS
    for row, role in ((0, 0), (7, 1), (23, 2)):
        with Image.open(release / "triplet" / f"t{row:04d}_{'abc'[role]}.jpg") as picture:
            expected = np.asarray(picture.resize((16, 16), Image.Resampling.BILINEAR))
        assert np.array_equal(triplets[row][role], expected)
    assert triplets.all_pictures().shape == (24, 3, 16, 16, 3)
    assert np.array_equal(triplets.all_pictures()[7], triplets[7])


def test_votes_and_ids_are_arrays_in_the_order_of_the_triplets(release, built):
    triplets = sim_celeba.load(built)
    assert triplets.ids[:2] == ("t0000", "t0001")
    assert triplets.votes.dtype == np.int8
    assert triplets.votes.tolist() == read_votes(release)
    # Groups of two sources: target 0 with sources 0, 1; target 1 with sources 0, 1; ...
    assert triplets.source_id[:10].tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 2, 3]
    assert triplets.target_id[:10].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 0, 0]


def test_the_stored_examples_say_the_same_as_the_arrays(built):
    triplets, record = sim_celeba.load(built), built.as_data_source(sim_celeba.SPLIT)[9]
    assert (record["id"], record["source_id"], record["target_id"]) == (b"t0009", 3, 0)
    assert record["votes"].tolist() == triplets.votes[9].tolist()


def test_order_checksums_and_audit_are_kept_in_the_metadata(built):
    metadata = sim_celeba.load(built).metadata
    assert metadata["order"]["words"] == "group-major in groups of 2 sources"
    assert metadata["order"]["score"] > 0.95
    assert len(metadata["answers_sha256"]) == len(metadata["pictures_sha256"]) == 64
    assert metadata["audit"]["triplets"] == 24
    assert metadata["skipped"] == metadata["repair"] == metadata["alarms"] == []


def test_rows_of_the_answers_may_stand_in_any_order(copy, tmp_path, built):
    lines = (copy / "triplet_answers.csv").read_text().splitlines()
    (copy / "triplet_answers.csv").write_text("\n".join([lines[0], *lines[:0:-1]]))
    triplets = sim_celeba.load(sim_celeba.build(copy, tmp_path / "data", image_size=16, **GRID))
    expected = sim_celeba.load(built)
    assert triplets.ids == expected.ids
    assert triplets.votes.tolist() == expected.votes.tolist()
    assert triplets.target_id.tolist() == expected.target_id.tolist()


def test_an_unreadable_order_must_be_named(tmp_path):
    folder = write_release(tmp_path / "release")
    for path in (folder / "triplet").glob("*_c.jpg"):
        field(np.random.default_rng(int(path.stem[1:5])), 24).save(path)
    with pytest.raises(ValueError, match="the pictures do not reveal their order"):
        sim_celeba.build(folder, tmp_path / "data", image_size=16, **GRID)
    unknown = sim_celeba.load(sim_celeba.build(folder, tmp_path / "data", image_size=16, order="unknown"))
    assert set(unknown.source_id) == set(unknown.target_id) == {-1}
    named = sim_celeba.build(folder, tmp_path / "data", image_size=16, order="target_major", **GRID)
    assert sim_celeba.load(named).target_id.tolist() == np.repeat(range(4), 6).tolist()


def clean_votes(seed=0):
    """Answers on a 16 x 16 grid, in cells [target, source]: the source decides, one vote in ten is random."""
    generator = np.random.default_rng(seed)
    votes = np.tile(generator.integers(0, 2, 16)[None, :, None], (16, 1, 3))
    return np.where(generator.random(votes.shape) < 0.2, generator.integers(0, 2, votes.shape), votes)


def in_order(cells, kind, block=10):
    """Answers [target, source] written down in a named order."""
    source_id, target_id = annotations.cells(kind, 16, 16, block=block)
    return cells[target_id, source_id]


GROUPS, TARGET_BY_TARGET = ("group_major", 4), ("target_major",)


@pytest.mark.parametrize("pictures", [GROUPS, TARGET_BY_TARGET], ids=["group-major", "target-major"])
def test_answers_are_brought_into_the_order_of_the_pictures_whichever_it_is(tmp_path, pictures):
    cells = clean_votes()
    votes = in_order(cells, *GROUPS)
    votes[:, 2] = in_order(cells, *TARGET_BY_TARGET)[:, 2]  # the fault of the real file
    folder = write_release(tmp_path / "r", sources=16, targets=16, size=16, votes=votes, kind=pictures[0], block=4)
    released = sim_celeba.build(folder, tmp_path / "data", image_size=8)
    with pytest.warns(UserWarning, match="do not belong together: ans3: target-major, wanted group-major"):
        assert sim_celeba.load(released).votes.tolist() == votes.tolist()
    repaired = sim_celeba.load(sim_celeba.build(folder, tmp_path / "data", image_size=8, repair="to_pictures"))
    assert repaired.votes.tolist() == in_order(cells, *pictures).tolist()
    assert len(repaired.metadata["repair"]) == {GROUPS: 1, TARGET_BY_TARGET: 2}[pictures]
    assert repaired.metadata["alarms"] == []


def test_answers_that_agree_with_each_other_but_not_with_the_pictures_raise_an_alarm_and_are_moved_on_request(tmp_path):
    cells = clean_votes()
    votes = in_order(cells, *TARGET_BY_TARGET)
    folder = write_release(tmp_path / "r", sources=16, targets=16, size=16, votes=votes, kind="group_major", block=4)
    released = sim_celeba.build(folder, tmp_path / "data", image_size=8)
    with pytest.warns(UserWarning, match="all answers seem to be target-major, .* are group-major .* repair="):
        assert sim_celeba.load(released).votes.tolist() == votes.tolist()
    repaired = sim_celeba.load(sim_celeba.build(folder, tmp_path / "data", image_size=8, repair="to_pictures"))
    assert repaired.votes.tolist() == in_order(cells, *GROUPS).tolist()
    assert len(repaired.metadata["repair"]) == 3
    assert repaired.metadata["alarms"] == []


def test_answers_too_unclear_to_be_moved_raise_an_alarm_that_does_not_recommend_the_same_repair(tmp_path, monkeypatch):
    monkeypatch.setattr(sim_celeba.repair.AnswerOrder, "sure", property(lambda found: False))
    votes = in_order(clean_votes(), *TARGET_BY_TARGET)
    folder = write_release(tmp_path / "r", sources=16, targets=16, size=16, votes=votes, kind="group_major", block=4)
    built = sim_celeba.build(folder, tmp_path / "data", image_size=8, repair="to_pictures")
    with pytest.warns(UserWarning, match="all answers seem to be target-major.*not clear enough .* them by hand"):
        assert sim_celeba.load(built).votes.tolist() == votes.tolist()


def test_bad_pictures_are_left_out_and_listed_and_the_others_keep_their_ids(copy, tmp_path, built):
    pictures = copy / "triplet"
    (pictures / "t0003_c.jpg").write_bytes(b"")
    (pictures / "t0008_a.jpg").write_bytes((pictures / "t0008_a.jpg").read_bytes()[:200])
    (pictures / "t0015_b.jpg").write_text("<html>quota exceeded</html>")
    triplets = sim_celeba.load(sim_celeba.build(copy, tmp_path / "data", image_size=16, **GRID))
    kept = [row for row in range(24) if row not in (3, 8, 15)]
    assert triplets.ids == tuple(f"t{row:04d}" for row in kept)
    assert triplets.target_id.tolist() == sim_celeba.load(built).target_id[kept].tolist()
    assert np.array_equal(triplets[3], sim_celeba.load(built)[4])
    reasons = triplets.metadata["skipped"]
    assert [reason[:11] for reason in reasons] == ["t0003_c.jpg", "t0008_a.jpg", "t0015_b.jpg"]
    assert "empty" in reasons[0]


@pytest.mark.parametrize("name", ["t0011_b.jpg", "t0011_c.jpg"])  # the borders are read from c alone
def test_a_picture_that_is_not_square_is_an_error_with_its_path(copy, tmp_path, name):
    Image.new("RGB", (24, 20)).save(copy / "triplet" / name)
    with pytest.raises(ValueError, match=f"{copy}/triplet/{name}: 24 x 20 pixels, expected a square picture"):
        sim_celeba.build(copy, tmp_path / "data", image_size=16, **GRID)


def test_shards_without_a_usable_triplet_are_harmless(copy, tmp_path, monkeypatch):
    monkeypatch.setattr(sim_celeba, "TRIPLETS_PER_SHARD", 5)
    for row in range(12, 24):
        (copy / "triplet" / f"t{row:04d}_a.jpg").write_bytes(b"")
    triplets = sim_celeba.load(sim_celeba.build(copy, tmp_path / "data", image_size=16, **GRID))
    assert len(triplets) == 12
    assert len(triplets.all_pictures()) == 12


def test_a_release_without_one_usable_triplet_is_an_error(copy, tmp_path):
    for path in (copy / "triplet").glob("*_b.jpg"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="no triplet can be used: t0000_b.jpg: an empty file"):
        sim_celeba.build(copy, tmp_path / "data", image_size=16, **GRID)


def test_a_missing_picture_names_the_line_of_its_answers(copy, tmp_path):
    (copy / "triplet" / "t0005_b.jpg").unlink()
    with pytest.raises(ValueError, match="triplet_answers.csv, line 7: expected a picture triplet/t0005_b.jpg"):
        sim_celeba.build(copy, tmp_path / "data", **GRID)


def test_empty_lines_count_in_the_line_that_is_named(copy, tmp_path):
    answers = copy / "triplet_answers.csv"
    answers.write_text(answers.read_text().replace("t0000", "\n\nt0000"))
    (copy / "triplet" / "t0005_b.jpg").unlink()
    with pytest.raises(ValueError, match="triplet_answers.csv, line 9: expected a picture triplet/t0005_b.jpg"):
        sim_celeba.build(copy, tmp_path / "data", **GRID)


def test_a_triplet_without_answers_is_counted(copy, tmp_path):
    shutil.copy(copy / "triplet" / "t0005_b.jpg", copy / "triplet" / "t0024_b.jpg")
    triplets = sim_celeba.load(sim_celeba.build(copy, tmp_path / "data", image_size=16, **GRID))
    assert len(triplets) == 24
    assert triplets.metadata["without_answers"] == ["t0024"]
    assert triplets.absent == ("t0024",)


def test_a_grid_that_does_not_fit_is_refused(release, tmp_path):
    with pytest.raises(ValueError, match="triplet_answers.csv: 24 triplets are not a square grid"):
        sim_celeba.build(release, tmp_path)
    with pytest.raises(ValueError, match="triplet_answers.csv: 24 triplets, expected 25 for a grid of 5 sources x 5 t"):
        sim_celeba.build(release, tmp_path, grid=(5, 5))
    with pytest.raises(ValueError, match="1 sources x 24 targets, and at least 2 of both"):
        sim_celeba.build(release, tmp_path, grid=(1, 24))


def test_a_folder_that_is_no_release_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="triplet_answers.csv is missing: expected the release folder"):
        sim_celeba.build(tmp_path, tmp_path / "data")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repair": "all"}, "repair is 'all', expected none or to_pictures"),
        ({"order": "random"}, "order is 'random', expected auto, unknown, target_major, source_major"),
        ({"order": "group_major", "block": None}, "order 'group_major' needs a block"),
        ({"image_size": 0}, "image_size is 0, expected at least 1"),
        ({"order": "unknown", "repair": "to_pictures"}, "needs the order of the pictures"),
    ],
)
def test_choices_that_do_not_exist_or_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        sim_celeba.Config(**options)


def test_a_release_that_changed_is_noticed_by_load_and_refused_by_build(copy, tmp_path):
    options = {"image_size": 16, **GRID}
    builder = sim_celeba.build(copy, tmp_path / "data", **options)
    write_answers(copy, 1 - np.array(read_votes(copy)))
    with pytest.warns(UserWarning, match="triplet_answers.csv has changed since .* was built from it"):
        sim_celeba.load(sim_celeba.SimCelebA(data_dir=tmp_path / "data", config=sim_celeba.Config(**options)))
    with pytest.raises(ValueError, match="was built from other files .* answers_sha256 differ"):
        sim_celeba.build(copy, tmp_path / "data", **options)
    shutil.rmtree(copy)
    assert len(sim_celeba.load(builder)) == 24  # the release need not stay


def test_a_set_that_was_not_built_does_not_load(tmp_path):
    with pytest.raises(FileNotFoundError, match="build it first"):
        sim_celeba.load(sim_celeba.SimCelebA(data_dir=tmp_path))


def test_the_release_is_never_changed(release, tmp_path):
    before = {path: path.stat() for path in release.rglob("*")}
    sim_celeba.build(release, tmp_path, image_size=16, repair="to_pictures", **GRID)
    after = {path: path.stat() for path in release.rglob("*")}
    assert {path: (s.st_mtime_ns, s.st_size) for path, s in before.items()} == {
        path: (s.st_mtime_ns, s.st_size) for path, s in after.items()
    }


def test_the_order_of_the_realistic_release_is_recognized_without_its_ids(facepack, tmp_path):
    triplets = sim_celeba.load(sim_celeba.build(facepack / "release", tmp_path))
    with open(facepack / "release" / "ids.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["target_id"]) for row in rows] == triplets.target_id.tolist()
    assert [int(row["triplet_id"]) for row in rows] == triplets.source_id.tolist()


def test_the_faulty_answers_of_the_realistic_release_are_caught_and_repaired(facepack, tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "triplet").symlink_to(facepack / "release" / "triplet")
    shutil.copy(facepack / "release" / "triplet_answers_faulty.csv", folder / "triplet_answers.csv")
    with pytest.warns(UserWarning, match="ans2"):
        sim_celeba.load(sim_celeba.build(folder, tmp_path / "data"))
    repaired = sim_celeba.load(sim_celeba.build(folder, tmp_path / "data", repair="to_pictures"))
    assert repaired.votes.tolist() == read_votes(facepack / "release")
