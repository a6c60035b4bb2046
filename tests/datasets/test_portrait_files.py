"""Landmarks, groups and persons in every format, and files in none of them."""

import numpy as np
import pytest

from perface_jax.datasets import celeba_files, portrait_files


def test_landmarks_are_read_from_the_three_formats(tmp_path):
    header = ",".join(celeba_files.LANDMARKS)
    (tmp_path / "five.csv").write_text(f"name,{header}\n7.jpg,{','.join('1234567890')}\n")
    np.testing.assert_array_equal(
        portrait_files.read_landmarks(str(tmp_path / "five.csv"))["7"], [[1, 2], [3, 4], [5, 6], [7, 8], [9, 0]]
    )
    columns = ",".join(f"{axis}{i}" for i in range(68) for axis in "xy")
    (tmp_path / "dense.csv").write_text(f"name,{columns}\nq.png,{','.join(map(str, range(136)))}\n")
    np.testing.assert_array_equal(
        portrait_files.read_landmarks(str(tmp_path / "dense.csv"))["q"], np.arange(136).reshape(68, 2)
    )
    mesh = np.random.default_rng(0).normal(size=(2, 468, 3))
    np.savez(tmp_path / "mesh.npz", names=np.array(["a.jpg", "b.jpg"]), landmarks=mesh)
    np.testing.assert_allclose(
        portrait_files.read_landmarks(str(tmp_path / "mesh.npz"))["b"], mesh[1, :, :2], rtol=1e-6
    )


def test_landmarks_in_another_format_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("name,x,y\na,1,2\n")
    with pytest.raises(ValueError, match="wanted name,left_eye_x"):
        portrait_files.read_landmarks(str(tmp_path / "a.csv"))
    columns = ",".join(f"{axis}{i}" for i in range(5) for axis in "xy")
    (tmp_path / "b.csv").write_text(f"name,{columns}\na,{','.join('12345678x0')}\n")
    with pytest.raises(ValueError, match="line 2: saw 'x' is not a number, wanted a number in every cell but the name"):
        portrait_files.read_landmarks(str(tmp_path / "b.csv"))
    np.savez(tmp_path / "c.npz", names=np.array(["a"]), landmarks=np.zeros((1, 7, 2)))
    with pytest.raises(ValueError, match=r"shape \[1, 7, 2\]"):
        portrait_files.read_landmarks(str(tmp_path / "c.npz"))
    np.savez(tmp_path / "d.npz", landmarks=np.zeros((1, 5, 2)))
    with pytest.raises(ValueError, match="d.npz: no array names; wanted a .npz with the arrays names and landmarks"):
        portrait_files.read_landmarks(str(tmp_path / "d.npz"))


def test_attributes_are_the_columns_of_a_table_or_age_and_gender_of_celeba(tmp_path):
    (tmp_path / "a.csv").write_text("name,sex,age\n1.jpg,male,young\n2.jpg,male,old\n3.jpg,male,young\n")
    read = portrait_files.read_attributes(str(tmp_path / "a.csv"), ["3", "1", "2"])
    assert {name: list(values) for name, values in read.items()} == {
        "sex": ["male"] * 3,
        "age": ["young", "young", "old"],
    }
    (tmp_path / "anno.txt").write_text("2\nMale Young \n0.jpg  1 -1\n1.jpg  -1 1\n")
    read = portrait_files.read_attributes(str(tmp_path / "anno.txt"), ["1", "0"])
    assert {name: list(values) for name, values in read.items()} == {
        "age": ["young", "older"],
        "gender": ["female", "male"],
    }


def test_missing_or_useless_attributes_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("name,sex\n1.jpg,male\n")
    with pytest.raises(ValueError, match="has no row for 9"):
        portrait_files.read_attributes(str(tmp_path / "a.csv"), ["1", "9"])
    (tmp_path / "b.csv").write_text("name,score\n" + "".join(f"{i},{i}\n" for i in range(9)))
    with pytest.raises(ValueError, match="score has 9 values in 9 pictures"):
        portrait_files.read_attributes(str(tmp_path / "b.csv"), [str(i) for i in range(9)])
    (tmp_path / "c.csv").write_text("name\n1.jpg\n")
    with pytest.raises(ValueError, match="line 1: saw the columns name, wanted name and the columns to group by"):
        portrait_files.read_attributes(str(tmp_path / "c.csv"), ["1"])


def test_a_dot_in_a_name_is_no_suffix_and_equal_names_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", names=["p1.front", "x/p1.side.jpg"], landmarks=np.arange(20).reshape(2, 5, 2))
    assert set(portrait_files.read_landmarks(str(tmp_path / "a.npz"))) == {"p1.front", "p1.side"}
    np.savez(tmp_path / "b.npz", names=["x/p1.jpg", "y/p1.png"], landmarks=np.zeros((2, 5, 2)))
    with pytest.raises(ValueError, match="b.npz has several pictures called p1"):
        portrait_files.read_landmarks(str(tmp_path / "b.npz"))
    (tmp_path / "c.csv").write_text("name,sex\np1.jpg,male\np1,female\n")
    with pytest.raises(
        ValueError, match="c.csv, line 3: saw p1, which is also on line 2 as p1.jpg, wanted every picture once"
    ):
        portrait_files.read_attributes(str(tmp_path / "c.csv"), ["p1"])


@pytest.mark.parametrize("content", [b"PK\x03\x04 and no more", b"garbage", b""])
def test_a_broken_file_of_landmarks_is_named(tmp_path, content):
    (tmp_path / "broken.npz").write_bytes(content)
    with pytest.raises(
        ValueError, match=r"broken.npz is no .npz, or a damaged one; wanted a .npz with the arrays names and landmarks"
    ):
        portrait_files.read_landmarks(str(tmp_path / "broken.npz"))
    with pytest.raises(FileNotFoundError, match=r"no file .*none.npz; wanted a .npz"):
        portrait_files.read_landmarks(str(tmp_path / "none.npz"))


def test_persons_are_a_column_of_their_own(tmp_path):
    (tmp_path / "a.csv").write_text("name,sex,person\n1.jpg,male,ann\n2.jpg,male,bob\n3.jpg,male,cy\n")
    assert list(portrait_files.read_attributes(str(tmp_path / "a.csv"), ["1", "2", "3"])) == ["sex"]
    assert list(portrait_files.read_persons(str(tmp_path / "a.csv"), ["3", "1"])) == ["cy", "ann"]
    with pytest.raises(ValueError, match="has no row for 9"):
        portrait_files.read_persons(str(tmp_path / "a.csv"), ["1", "9"])
    (tmp_path / "b.csv").write_text("name,sex\n1.jpg,male\n")
    assert portrait_files.read_persons(str(tmp_path / "b.csv"), ["9"]) is None


def test_persons_under_another_heading_are_warned_of(tmp_path):
    file = tmp_path / "faces.csv"
    file.write_text("name,gender,Identity\na.png,f,1\nb.png,m,2\n")
    with pytest.warns(UserWarning, match="faces.csv has no column person, .* another person; rename Identity if"):
        assert portrait_files.read_persons(str(file), ["a.png", "b.png"]) is None


def test_persons_survive_spaces_and_capitals_in_headings_and_are_refused_where_they_are_unclear(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("Name, Person\n1.jpg, ann \n2.jpg,bob\n")
    assert list(portrait_files.read_persons(str(file), ["1", "2"])) == ["ann", "bob"]
    for cell, message in (
        ("", "line 3: saw an empty cell in column person"),
        ("nan", "line 3: saw 'nan'"),
        ("ANN", "line 3: saw 'ANN' in column person, and 'ann' on line 2"),
    ):
        file.write_text(f"name,person\n1.jpg,ann\n2.jpg,{cell}\n")
        with pytest.raises(ValueError, match=f"a.csv, {message}"):
            portrait_files.read_persons(str(file), ["1", "2"])
        assert list(portrait_files.read_persons(str(file), ["1"])) == ["ann"]  # the other one is not asked for
    file.write_text("name,sex\n1.jpg,male\n2.jpg,\n")
    with pytest.raises(ValueError, match="line 3: saw an empty cell in column sex"):
        portrait_files.read_attributes(str(file), ["1", "2"])


def test_names_in_bytes_are_names(tmp_path):
    points = np.zeros((2, 5, 2))
    np.savez(tmp_path / "a.npz", names=np.array(["caf\u00e9.jpg".encode(), b"b.jpg"]), landmarks=points)
    assert set(portrait_files.read_landmarks(str(tmp_path / "a.npz"))) == {"caf\u00e9", "b"}
    np.savez(tmp_path / "b.npz", names=np.array(["a", None], dtype=object), landmarks=points)
    with pytest.raises(ValueError, match="b.npz: Python objects in an array; wanted a .npz"):
        portrait_files.read_landmarks(str(tmp_path / "b.npz"))
