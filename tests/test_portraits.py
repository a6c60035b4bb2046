import numpy as np
import pytest
from PIL import Image

from perface_jax import images
from perface_jax.datasets import celeba_files, portraits

FIVE = np.array([[40, 50], [80, 50], [60, 70], [46, 90], [74, 90]], np.float32)  # eyes 40 apart, mouth 40 below
# the square of CelebA-HQ: centre (60, 50) + 0.1 * (0, 40) = (60, 54), half side max(2 * 40, 1.8 * 40) = 80


def write(folder, name, size, *, value=None):
    """A picture whose red is x and whose green is y, or one of a single value."""
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    picture = np.stack([x, y, 0 * x], -1) if value is None else np.full((height, width, 3), value)
    folder.mkdir(exist_ok=True)
    Image.fromarray(picture.astype(np.uint8)).save(folder / name)


def test_a_face_is_cut_out_by_the_rule_of_celeba_hq(tmp_path):
    write(tmp_path, "a.png", (220, 200))
    points = {"a": FIVE + [50, 40]}  # centre (110, 94), half side 80: from 30 to 190, from 14 to 174
    read = portraits.read_portraits(tmp_path, ["a.png"], size=80, landmarks=points)
    assert read.images.shape == (1, 80, 80, 3)
    np.testing.assert_allclose(read.images[0, 40, 40, :2], [110.5, 94.5], atol=2.1)  # edges against centres
    np.testing.assert_allclose(read.landmarks[0], (FIVE + [50 - 30, 40 - 14]) / 2 - 0.5, atol=1e-4)
    np.testing.assert_allclose(read.boxes[0] * 220, [30.5, 14.5, 160])
    assert read.measured


def test_where_the_square_would_leave_the_picture_it_is_shrunk_and_shifted(tmp_path):
    write(tmp_path, "a.png", (120, 110))
    read = portraits.read_portraits(tmp_path, ["a.png"], size=110, landmarks={"a": FIVE})
    # half side 80 does not fit into 110 pixels: the largest square, 110, centre (60.5, 54.5) -> from 5 to 115, 0 to 110
    np.testing.assert_allclose(read.boxes[0] * 120, [5.5, 0, 110], atol=1e-6)
    np.testing.assert_allclose(read.landmarks[0], FIVE - [5.5, 0], atol=1e-4)


def test_a_landmark_lies_on_the_same_spot_of_the_cut_picture(tmp_path):
    write(tmp_path, "a.png", (240, 240), value=0)
    picture = np.zeros((240, 240, 3), np.uint8)
    for x, y in (FIVE + 60).astype(int):
        picture[y - 1 : y + 2, x - 1 : x + 2] = 255
    Image.fromarray(picture).save(tmp_path / "a.png")
    read = portraits.read_portraits(tmp_path, ["a.png"], size=160, landmarks={"a": FIVE + 60})
    for x, y in read.landmarks[0]:
        assert read.images[0, round(float(y)), round(float(x)), 0] == 255


def test_without_landmarks_a_square_is_taken_whole_with_the_points_of_its_kind(tmp_path):
    write(tmp_path, "a.png", (112, 112))
    read = portraits.read_portraits(tmp_path, ["a.png"], size=224, landmarks=None, crop="arcface")
    np.testing.assert_allclose(
        read.landmarks[0], (images.template_points("arcface", 112)[0] + 0.5) * 2 - 0.5, atol=1e-3
    )
    assert not read.measured
    np.testing.assert_allclose(read.boxes[0], [0, 0, 1])


def test_the_points_of_a_celeba_hq_square_give_that_square_again(tmp_path):
    write(tmp_path, "a.png", (100, 100))
    read = portraits.read_portraits(tmp_path, ["a.png"], size=100, landmarks=None)
    np.testing.assert_allclose(portraits._square(read.landmarks[0] + 0.5), (0, 0, 100), atol=1e-3)


def test_what_cannot_be_used_is_left_out_with_a_reason(tmp_path):
    write(tmp_path, "a.png", (200, 200))
    write(tmp_path, "b.png", (200, 200))
    (tmp_path / "c.png").write_bytes(b"")
    points = {"a": FIVE, "c": FIVE, "d": FIVE}
    read = portraits.read_portraits(tmp_path, ["a.png", "b.png", "c.png"], size=32, landmarks=points)
    assert read.names == ("a",)
    assert dict(read.skipped)["b.png"] == "no landmarks for this picture"
    assert [name for name, _ in read.skipped] == ["b.png", "c.png"]
    with pytest.raises(ValueError, match="no picture of .* can be used"):
        portraits.read_portraits(tmp_path, ["b.png"], size=32, landmarks=points)
    with pytest.raises(ValueError, match="several pictures called a"):
        portraits.read_portraits(tmp_path, ["a.png", "a.jpg"], size=32, landmarks=points)


def test_results_are_cut_out_where_their_originals_were(tmp_path):
    write(tmp_path / "in", "a.png", (220, 200))
    write(tmp_path / "in", "b.png", (220, 200))
    write(tmp_path / "out", "b.jpg", (110, 100), value=77)  # half the size
    points = {"a": FIVE + [50, 40], "b": FIVE + [50, 40]}
    originals = portraits.read_portraits(tmp_path / "in", ["a.png", "b.png"], size=80, landmarks=points)
    read, places = portraits.read_results(tmp_path / "out", ["b.jpg", "z.jpg"], originals, landmarks=None)
    assert (list(places), read.names, read.measured) == ([1], ("b",), False)
    assert abs(read.images.astype(int) - 77).max() <= 1
    np.testing.assert_array_equal(read.landmarks, originals.landmarks[[1]])
    half = {"b": (FIVE + [50, 40] + 0.5) / 2 - 0.5}
    read, _ = portraits.read_results(tmp_path / "out", ["b.jpg"], originals, landmarks=half)
    np.testing.assert_allclose(read.landmarks, originals.landmarks[[1]], atol=1e-3)
    assert read.measured


def test_a_result_of_another_shape_is_left_out_and_no_result_at_all_refused(tmp_path):
    write(tmp_path / "in", "a.png", (160, 200))
    write(tmp_path / "out", "a.png", (200, 160))
    originals = portraits.read_portraits(tmp_path / "in", ["a.png"], size=80, landmarks={"a": FIVE + [20, 40]})
    with pytest.raises(ValueError, match="another shape than its original"):
        portraits.read_results(tmp_path / "out", ["a.png"], originals, landmarks=None)
    with pytest.raises(ValueError, match="no picture of .* has the name of an original"):
        portraits.read_results(tmp_path / "out", ["q.png"], originals, landmarks=None)


def test_landmarks_are_read_from_the_three_forms(tmp_path):
    header = ",".join(celeba_files.LANDMARKS)
    (tmp_path / "five.csv").write_text(f"name,{header}\n7.jpg,{','.join('1234567890')}\n")
    np.testing.assert_array_equal(
        portraits.read_landmarks(str(tmp_path / "five.csv"))["7"], [[1, 2], [3, 4], [5, 6], [7, 8], [9, 0]]
    )
    columns = ",".join(f"{axis}{i}" for i in range(68) for axis in "xy")
    (tmp_path / "dense.csv").write_text(f"name,{columns}\nq.png,{','.join(map(str, range(136)))}\n")
    np.testing.assert_array_equal(
        portraits.read_landmarks(str(tmp_path / "dense.csv"))["q"], np.arange(136).reshape(68, 2)
    )
    mesh = np.random.default_rng(0).normal(size=(2, 468, 3))
    np.savez(tmp_path / "mesh.npz", names=np.array(["a.jpg", "b.jpg"]), landmarks=mesh)
    np.testing.assert_allclose(portraits.read_landmarks(str(tmp_path / "mesh.npz"))["b"], mesh[1, :, :2], rtol=1e-6)


def test_landmarks_of_another_form_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("name,x,y\na,1,2\n")
    with pytest.raises(ValueError, match="expected name,left_eye_x"):
        portraits.read_landmarks(str(tmp_path / "a.csv"))
    columns = ",".join(f"{axis}{i}" for i in range(5) for axis in "xy")
    (tmp_path / "b.csv").write_text(f"name,{columns}\na,{','.join('12345678x0')}\n")
    with pytest.raises(ValueError, match="every cell but the name is a number"):
        portraits.read_landmarks(str(tmp_path / "b.csv"))
    np.savez(tmp_path / "c.npz", names=np.array(["a"]), landmarks=np.zeros((1, 7, 2)))
    with pytest.raises(ValueError, match=r"shape \[1, 7, 2\]"):
        portraits.read_landmarks(str(tmp_path / "c.npz"))
    np.savez(tmp_path / "d.npz", landmarks=np.zeros((1, 5, 2)))
    with pytest.raises(ValueError, match="no names in it"):
        portraits.read_landmarks(str(tmp_path / "d.npz"))


def test_attributes_are_the_columns_of_a_table_or_age_and_gender_of_celeba(tmp_path):
    (tmp_path / "a.csv").write_text("name,sex,age\n1.jpg,male,young\n2.jpg,male,old\n3.jpg,male,young\n")
    read = portraits.read_attributes(str(tmp_path / "a.csv"), ["3", "1", "2"])
    assert {name: list(values) for name, values in read.items()} == {
        "sex": ["male"] * 3,
        "age": ["young", "young", "old"],
    }
    (tmp_path / "anno.txt").write_text("2\nMale Young \n0.jpg  1 -1\n1.jpg  -1 1\n")
    read = portraits.read_attributes(str(tmp_path / "anno.txt"), ["1", "0"])
    assert {name: list(values) for name, values in read.items()} == {
        "age": ["young", "older"],
        "gender": ["female", "male"],
    }


def test_attributes_that_say_nothing_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("name,sex\n1.jpg,male\n")
    with pytest.raises(ValueError, match="says nothing of 9"):
        portraits.read_attributes(str(tmp_path / "a.csv"), ["1", "9"])
    (tmp_path / "b.csv").write_text("name,score\n" + "".join(f"{i},{i}\n" for i in range(9)))
    with pytest.raises(ValueError, match="score has 9 values in 9 pictures"):
        portraits.read_attributes(str(tmp_path / "b.csv"), [str(i) for i in range(9)])
    (tmp_path / "c.csv").write_text("name\n1.jpg\n")
    with pytest.raises(ValueError, match="expected name and the columns to group by"):
        portraits.read_attributes(str(tmp_path / "c.csv"), ["1"])
