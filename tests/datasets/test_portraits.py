import numpy as np
import pytest
from PIL import Image

from perface_jax import images
from perface_jax.datasets import portraits

FIVE = np.array([[40, 50], [80, 50], [60, 70], [46, 90], [74, 90]], np.float32)  # eyes 40 apart, mouth 40 below
# the square of CelebA-HQ: center (60, 50) + 0.1 * (0, 40) = (60, 54), half side max(2 * 40, 1.8 * 40) = 80


def write(folder, name, size, *, value=None):
    """A picture whose red is x and whose green is y, or one of a single value."""
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    picture = np.stack([x, y, 0 * x], -1) if value is None else np.full((height, width, 3), value)
    folder.mkdir(exist_ok=True)
    Image.fromarray(picture.astype(np.uint8)).save(folder / name)


def test_a_face_is_cut_out_by_the_rule_of_celeba_hq(tmp_path):
    write(tmp_path, "a.png", (220, 200))
    points = {"a": FIVE + [50, 40]}  # center (110, 94), half side 80: from 30 to 190, from 14 to 174
    read = portraits.read_portraits(tmp_path, ["a.png"], size=80, landmarks=points)
    assert read.images.shape == (1, 80, 80, 3)
    np.testing.assert_allclose(read.images[0, 40, 40, :2], [110.5, 94.5], atol=2.1)  # edges against centers
    np.testing.assert_allclose(read.landmarks[0], (FIVE + [50 - 30, 40 - 14]) / 2 - 0.5, atol=1e-4)
    np.testing.assert_allclose(read.boxes[0] * 220, [30.5, 14.5, 160])
    assert read.measured


def test_a_square_that_exceeds_the_picture_is_shrunk_and_shifted(tmp_path):
    write(tmp_path, "a.png", (120, 110))
    read = portraits.read_portraits(tmp_path, ["a.png"], size=110, landmarks={"a": FIVE})
    # half side 80 does not fit into 110 pixels: the largest square, 110, center (60.5, 54.5) -> from 5 to 115, 0 to 110
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


def test_without_landmarks_a_square_is_used_whole_with_the_points_of_its_kind(tmp_path):
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
    np.testing.assert_allclose(images.celeba_hq_square(read.landmarks[0] + 0.5), (0, 0, 100), atol=1e-3)


def test_pictures_that_cannot_be_used_are_left_out_with_a_reason(tmp_path):
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


def noise(folder, name, size):
    """A picture of which every pixel differs from its neighbors."""
    folder.mkdir(exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)).save(folder / name)


def test_an_unchanged_picture_gives_the_same_pixels_as_its_original(tmp_path):
    noise(tmp_path, "a.png", (230, 200))
    points = {"a": FIVE * 0.7 + [71.37, 42.91]}
    originals = portraits.read_portraits(tmp_path, ["a.png"], size=80, landmarks=points)
    assert originals.boxes.dtype == np.float64
    read, _ = portraits.read_results(tmp_path, ["a.png"], originals, landmarks=points)
    np.testing.assert_array_equal(read.images, originals.images)
    np.testing.assert_array_equal(read.landmarks, originals.landmarks)


def test_a_pasted_square_is_read_back_and_nothing_else_changes(tmp_path):
    noise(tmp_path, "a.png", (230, 200))
    whole = np.asarray(Image.open(tmp_path / "a.png"))
    originals = portraits.read_portraits(tmp_path, ["a.png"], size=48, landmarks={"a": FIVE + [50.3, 40.7]})
    left, top, side = originals.boxes[0] * 230
    x, y = np.meshgrid(np.arange(48), np.arange(48))  # a smooth result, which resizing does not change
    square = np.stack([4 * x, 4 * y, 0 * x + 9], -1).astype(np.uint8)
    pasted = portraits.paste(whole, originals.boxes[0], square)
    changed = (pasted != whole).any(-1)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    for start, lines in ((left, columns), (top, rows)):  # pixels that lie inside altogether
        assert start <= lines[0] < start + 1
        assert start + side - 1 < lines[-1] + 1 <= start + side
    (tmp_path / "out").mkdir()
    Image.fromarray(pasted).save(tmp_path / "out" / "a.png")
    points = portraits.in_picture(originals.landmarks[0], originals.boxes[0], width=230, size=48)
    np.testing.assert_allclose(points, FIVE + [50.3, 40.7], atol=1e-4)
    read, _ = portraits.read_results(tmp_path / "out", ["a.png"], originals, landmarks={"a": points})
    inside = slice(2, -2)  # the edge of the square mixes with what lies beside it
    assert abs(read.images[0].astype(int) - square)[inside, inside].max() <= 2
    np.testing.assert_allclose(read.landmarks, originals.landmarks, atol=1e-4)


def test_a_square_that_is_the_whole_picture_is_pasted_to_its_last_pixel(tmp_path):
    write(tmp_path, "a.png", (97, 97), value=200)
    originals = portraits.read_portraits(tmp_path, ["a.png"], size=31, landmarks=None)
    pasted = portraits.paste(np.zeros((97, 97, 3), np.uint8), originals.boxes[0], originals.images[0])
    assert (pasted == 200).all()


def test_originals_without_a_result_and_cropped_results_are_listed(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        write(tmp_path / "in", name, (400, 300))
    points = dict.fromkeys("abc", FIVE + [50, 40])
    originals = portraits.read_portraits(tmp_path / "in", ["a.png", "b.png", "c.png"], size=48, landmarks=points)
    write(tmp_path / "out", "a.png", (133, 100))  # a third of 400 x 300, rounded
    write(tmp_path / "out", "b.png", (96, 96))
    read, places = portraits.read_results(tmp_path / "out", ["a.png", "b.png"], originals, landmarks=None)
    assert (list(places), read.names) == ([0], ("a",))
    (square, why), missing = read.skipped
    assert square == "b"
    assert why.startswith("96 x 96 pixels, its original 400 x 300; wanted the whole picture")
    assert missing == ("c", "no result")


def test_a_result_of_another_aspect_ratio_is_left_out_and_no_result_at_all_refused(tmp_path):
    write(tmp_path / "in", "a.png", (160, 200))
    write(tmp_path / "out", "a.png", (200, 160))
    originals = portraits.read_portraits(tmp_path / "in", ["a.png"], size=80, landmarks={"a": FIVE + [20, 40]})
    with pytest.raises(ValueError, match="200 x 160 pixels, its original 160 x 200"):
        portraits.read_results(tmp_path / "out", ["a.png"], originals, landmarks=None)
    with pytest.raises(ValueError, match="no picture of .* has the name of an original"):
        portraits.read_results(tmp_path / "out", ["q.png"], originals, landmarks=None)
