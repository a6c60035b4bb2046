import csv
import json

import numpy as np
import pytest
from PIL import Image

from perface_jax.annotations import read_answers
from perface_jax.synthetic import ground_truth, write_world
from tests import drawn_faces

SMALL = {"sources": 4, "targets": 4, "size": drawn_faces.SIZE}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release") / "clean"
    write_world.write_release(folder, seed=1, **SMALL)
    return folder


def answers(folder):
    with open(folder / "triplet_answers.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["tripletId", "ans1", "ans2", "ans3"]
    return [row[0] for row in rows], np.array([row[1:] for row in rows])


def truth(folder):
    return dict(np.load(folder / "truth" / "truth.npz"))


def test_a_release_has_three_pictures_and_three_answers_for_every_triplet(release):
    ids, votes = answers(release)
    assert ids == [f"t{i:04d}" for i in range(16)]
    assert set(votes.ravel()) <= {"a", "b"}
    names = {path.name for path in (release / "triplet").iterdir()}
    assert names == {f"{name}_{role}.jpg" for name in ids for role in "abc"}
    with Image.open(release / "triplet" / "t0007_c.jpg") as picture:
        assert picture.size == (drawn_faces.SIZE, drawn_faces.SIZE)
        assert picture.format == "JPEG"


def test_triplet_numbers_are_group_major_in_groups_of_two_of_four_sources(release):
    with open(release / "truth" / "ids.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["tripletId", "source_id", "target_id"]
    assert rows[5] == ["t0005", "1", "2"]
    # block 2, so id = 8 (S // 2) + 2 T + S % 2
    assert [int(source) for _, source, _ in rows] == [0, 1] * 4 + [2, 3] * 4
    assert [int(target) for _, _, target in rows] == [0, 0, 1, 1, 2, 2, 3, 3] * 2


def test_pictures_of_one_target_share_their_border_and_of_two_targets_do_not(release):
    def border(name):
        picture = np.asarray(Image.open(release / "triplet" / f"{name}.jpg"), float)
        return np.concatenate([picture[:3].ravel(), picture[:, :3].ravel()])

    same = np.abs(border("t0000_a") - border("t0009_b")).mean()
    other = np.abs(border("t0000_a") - border("t0004_a")).mean()
    assert same < 3.0  # JPEG
    assert other > 10.0


def test_the_truth_names_landmarks_light_and_pose_of_every_picture(release):
    known = truth(release)
    assert known["landmarks"].shape == (16, 3, 59, 2)
    assert (np.abs(known["landmarks"][:, :, 2, 0] - 55.5) < 28.0).all()
    assert known["target_light"].shape == (4, 3)
    assert known["target_yaw"].shape == (4,)
    assert known["source_iris_color"].shape == (12, 3)
    assert known["features"].shape == (16, 3, len(known["feature_names"]))


def test_the_long_form_holds_the_released_votes_in_order_and_marks_the_dummies(release):
    ids, votes = answers(release)
    with open(release / "truth" / "answers.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    valid = [row["choice"] for row in rows[: votes.size]]
    np.testing.assert_array_equal(np.array(valid).reshape(votes.shape), votes)
    dummies = [row for row in rows if row["is_dummy"] == "1"]
    assert len(dummies) == 180
    assert {row["expected"] for row in dummies} == {"a", "b"}


def cell_votes(sources, targets):
    return np.random.default_rng(0).integers(0, 2, (sources * targets, 3))


def test_the_order_fault_moves_ans3_into_target_major_order_and_nothing_else():
    votes = cell_votes(10, 10)
    rows = ground_truth.number_rows(10, 10, block=2)
    fault = write_world.release_votes(votes, rows, order_fault=True, straight_liner=False)
    for source in range(10):
        for target in range(10):
            cell, row = 10 * target + source, 2 * 10 * (source // 2) + 2 * target + source % 2
            assert fault[row, :2].tolist() == votes[cell, :2].tolist()
            assert fault[cell, 2] == votes[cell, 2]


def test_a_straight_liner_gives_one_answer_in_a_run_of_twenty():
    votes = cell_votes(10, 10)
    rows = ground_truth.number_rows(10, 10, order="target_major")
    straight = write_world.release_votes(votes, rows, order_fault=False, straight_liner=True)
    votes[54:74, 0] = 1
    assert straight.tolist() == votes.tolist()


def test_one_picture_can_be_empty(tmp_path):
    write_world.write_release(tmp_path / "r", seed=1, empty_file=True, **SMALL)
    empty = [path.name for path in (tmp_path / "r" / "triplet").iterdir() if path.stat().st_size == 0]
    assert empty == ["t0012_c.jpg"]  # .7755 of 16


def test_the_same_seed_gives_the_same_bytes(release, tmp_path):
    write_world.write_release(tmp_path / "again", seed=1, **SMALL)
    for path in release.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(release)).read_bytes(), path


def test_portraits_have_the_attribute_file_of_celebamask_hq(tmp_path):
    write_world.write_celeba_hq(tmp_path / "c", people=8, size=drawn_faces.SIZE)
    count, names, *rows = (tmp_path / "c" / "CelebAMask-HQ-attribute-anno.txt").read_text().splitlines()
    assert count == "8"
    assert len(names.split()) == 40
    assert len(rows) == 8
    assert rows[3].startswith("3.jpg  -1 ")
    male, young = names.split().index("Male") + 1, names.split().index("Young") + 1
    seen = {(row.split()[male], row.split()[young]) for row in rows}
    assert seen == {("1", "1"), ("1", "-1"), ("-1", "1"), ("-1", "-1")}
    others = [value for row in rows for i, value in enumerate(row.split()[1:], 1) if i not in (male, young)]
    assert set(others) == {"-1"}
    with Image.open(tmp_path / "c" / "CelebA-HQ-img" / "7.jpg") as picture:
        assert picture.size == (drawn_faces.SIZE, drawn_faces.SIZE)


def test_the_command_writes_once_and_then_says_that_it_is_complete(tmp_path, capsys):
    line = ["--out", str(tmp_path / "w"), "--targets", "4", "--sources", "4", "--people", "8"]
    line += ["--size", str(drawn_faces.SIZE), "--celeba_size", str(drawn_faces.SIZE)]
    write_world.main(line)
    assert (tmp_path / "w" / "release" / "triplet" / "t0015_c.jpg").is_file()
    assert (tmp_path / "w" / "celeba_hq" / "CelebA-HQ-img" / "7.jpg").is_file()
    assert json.loads((tmp_path / "w" / "synthetic.json").read_text())["targets"] == 4
    write_world.main(line)
    assert "complete already" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        write_world.main([*line, "--seed", "1"])
    assert "seed: 0 (wanted 1)" in capsys.readouterr().err


def test_a_folder_with_other_things_in_it_is_not_touched(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="is not empty"):
        write_world.write_world(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.slow
def test_more_than_ten_thousand_triplets_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(write_world, "write_pictures", lambda *args, **options: None)
    write_world.write_release(tmp_path / "r", sources=101, targets=100)
    assert read_answers(tmp_path / "r" / "triplet_answers.csv").ids[9999:10001] == ("t9999", "t10000")


@pytest.mark.parametrize("options", [{"order": "target_major"}, {"block": 4}])
def test_an_order_fault_that_changes_nothing_is_refused(tmp_path, options):
    with pytest.raises(ValueError, match="is target-major already: choose another order, block or grid"):
        write_world.write_release(tmp_path / "r", order_fault=True, **options, **SMALL)


def test_an_unknown_order_and_a_block_that_does_not_divide_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no grid order 'diagonal'"):
        write_world.write_release(tmp_path / "r", order="diagonal", **SMALL)
    with pytest.raises(ValueError, match="do not divide"):
        write_world.write_release(tmp_path / "r", block=3, **SMALL)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("size", 0, "size is 0, expected 1 to 4096"),
        ("celeba_size", -1, "celeba_size is -1, expected 1 to"),
        ("people", 0, "people is 0, expected 1 to"),
        ("targets", 0, "targets is 0, expected 1 to"),
        ("sources", 0, "sources is 0, expected 1 to"),
        ("block", 0, "block is 0, expected 1 to"),
        ("seed", -1, "seed is -1, expected 0 to"),
        ("seed", 2**31, "seed is 2147483648, expected 0 to 2147483647"),
        ("quality", 101, "quality is 101, expected 1 to 100"),
    ],
)
def test_a_number_that_makes_no_world_ends_the_command_with_one_line(tmp_path, capsys, option, value, message):
    with pytest.raises(SystemExit) as ended:
        write_world.main(["--out", str(tmp_path / "w"), f"--{option}={value}"])
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith(f"perface synthetic: {message}")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_ends_the_command_with_one_line(tmp_path, capsys):
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(SystemExit):
        write_world.main(["--out", str(tmp_path / "letter")])
    assert "letter is a file, expected a folder" in capsys.readouterr().err.splitlines()[-1]
    assert (tmp_path / "letter").read_text() == "dear"
