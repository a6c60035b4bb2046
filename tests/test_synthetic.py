import csv
import json

import numpy as np
import pytest
from PIL import Image

from perface_jax.annotations import read_answers
from perface_jax.datasets import synthetic

SMALL = {"sources": 4, "targets": 4, "size": 48}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("release") / "clean"
    synthetic.write_release(folder, seed=1, **SMALL)
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
        assert picture.size == (48, 48)
        assert picture.format == "JPEG"


def test_triplet_numbers_are_group_major_with_the_largest_block_that_divides(release, tmp_path):
    known = truth(release)
    # 4 sources: block 2, so id = 8 (S // 2) + 2 T + S % 2
    np.testing.assert_array_equal(known["source_id"], [0, 1] * 4 + [2, 3] * 4)
    np.testing.assert_array_equal(known["target_id"], [0, 0, 1, 1, 2, 2, 3, 3] * 2)
    assert [synthetic.default_block(n) for n in (80, 12, 24, 7, 11, 4, 1)] == [10, 6, 8, 1, 1, 2, 1]
    with open(release / "truth" / "ids.csv", newline="") as file:
        assert list(csv.reader(file))[6] == ["t0005", "1", "2"]


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
    assert (np.abs(known["landmarks"][:, :, 2, 0] - 23.5) < 12.0).all()
    assert known["target_light"].shape == (4, 3)
    assert known["target_yaw"].shape == (4,)
    assert known["source_iris_colour"].shape == (12, 3)
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


def test_the_order_fault_moves_ans3_into_target_major_order_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "_write_pictures", lambda *args, **options: None)
    both = {"seed": 3, "sources": 10, "targets": 10, "block": 2}
    synthetic.write_release(tmp_path / "clean", **both)
    synthetic.write_release(tmp_path / "fault", order_fault=True, **both)
    (_, clean), (_, fault) = answers(tmp_path / "clean"), answers(tmp_path / "fault")
    np.testing.assert_array_equal(fault[:, :2], clean[:, :2])
    for source in range(10):
        for target in range(10):
            row = 2 * 10 * (source // 2) + 2 * target + source % 2
            assert fault[10 * target + source, 2] == clean[row, 2]
    assert (fault[:, 2] != clean[:, 2]).any()


def test_a_straight_liner_gives_one_answer_in_a_run_of_twenty(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "_write_pictures", lambda *args, **options: None)
    synthetic.write_release(tmp_path / "r", sources=10, targets=10, straight_liner=True)
    assert (answers(tmp_path / "r")[1][54:74, 0] == "b").all()


def test_one_picture_can_be_empty(tmp_path):
    synthetic.write_release(tmp_path / "r", seed=1, empty_file=True, **SMALL)
    empty = [path.name for path in (tmp_path / "r" / "triplet").iterdir() if path.stat().st_size == 0]
    assert empty == ["t0012_c.jpg"]  # .7755 of 16


def test_the_same_seed_gives_the_same_bytes(release, tmp_path):
    synthetic.write_release(tmp_path / "again", seed=1, **SMALL)
    for path in release.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(release)).read_bytes(), path


def test_portraits_have_the_attribute_file_of_celebamask_hq(tmp_path):
    synthetic.write_celeba_hq(tmp_path / "c", people=8, size=48)
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
        assert picture.size == (48, 48)


def test_the_command_writes_once_and_then_says_that_it_is_complete(tmp_path, capsys):
    line = ["--out", str(tmp_path / "w"), "--targets", "4", "--sources", "4", "--people", "8"]
    line += ["--size", "48", "--celeba_size", "48"]
    synthetic.main(line)
    assert (tmp_path / "w" / "release" / "triplet" / "t0015_c.jpg").is_file()
    assert (tmp_path / "w" / "celeba_hq" / "CelebA-HQ-img" / "7.jpg").is_file()
    assert json.loads((tmp_path / "w" / "synthetic.json").read_text())["targets"] == 4
    synthetic.main(line)
    assert "complete already" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        synthetic.main([*line, "--seed", "1"])
    assert "seed: 0 (wanted 1)" in capsys.readouterr().err


def test_a_folder_with_other_things_in_it_is_not_touched(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="is not empty"):
        synthetic.write_world(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic, "_write_pictures", stop)
    with pytest.raises(KeyboardInterrupt):
        synthetic.write_release(tmp_path / "r", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_more_than_ten_thousand_triplets_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "_write_pictures", lambda *args, **options: None)
    synthetic.write_release(tmp_path / "r", sources=101, targets=100)
    assert read_answers(tmp_path / "r" / "triplet_answers.csv").ids[9999:10001] == ("t9999", "t10000")


def test_groups_of_targets_divide_the_targets(tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic, "_write_pictures", lambda *args, **options: None)
    synthetic.write_release(tmp_path / "r", sources=5, targets=9, order="target_group_major")
    assert truth(tmp_path / "r")["target_id"][:6].tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("options", [{"order": "target_major"}, {"block": 4}])
def test_an_order_fault_that_changes_nothing_is_refused(tmp_path, options):
    with pytest.raises(ValueError, match="is target-major already: choose another order, block or grid"):
        synthetic.write_release(tmp_path / "r", order_fault=True, **options, **SMALL)


def test_an_unknown_order_and_a_block_that_does_not_divide_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no grid order 'diagonal'"):
        synthetic.write_release(tmp_path / "r", order="diagonal", **SMALL)
    with pytest.raises(ValueError, match="do not divide"):
        synthetic.write_release(tmp_path / "r", block=3, **SMALL)
