import numpy as np
import pytest

from perface_jax.naturalness import make_defects
from perface_jax.naturalness.defects import DEFECTS


@pytest.fixture(scope="module")
def faces():
    """Six bright faces of one color each."""
    return np.broadcast_to(np.arange(100, 220, 20, dtype=np.uint8)[:, None, None, None], (6, 64, 64, 3)).copy()


@pytest.fixture(scope="module")
def made(faces):
    return make_defects(faces, seed=0)


def test_every_fault_changes_nearly_every_face_inside_and_leaves_the_corners(faces, made):
    assert list(made) == list(DEFECTS)
    for name, crops in made.items():
        assert crops.dtype == np.uint8, name
        changed = np.abs(crops.astype(int) - faces).max(-1)
        if name != "mixed parts":  # takes on the colors of the face: nothing is seen on faces of one color
            assert (changed.max((1, 2)) > 4).all(), name
        assert changed[:, :3, :3].max() == changed[:, -2:, -2:].max() == 0, name


def test_seams_show_another_person_and_lines_and_beards_only_darken(faces, made):
    middle = made["hard seam"][:, 32, 32, 0].astype(int)
    assert (middle != faces[:, 0, 0, 0]).all()
    assert set(middle) <= set(faces[:, 0, 0, 0].tolist())
    for name in ("dark line", "half beard"):
        assert (made[name] <= faces).all(), name
    assert (made["dark line"][:, 32, 32] == faces[:, 32, 32]).all()


def test_a_part_of_the_other_face_comes_in_the_colors_of_this_one():
    faces = np.full((2, 64, 64, 3), 90, np.uint8)
    faces[1] = 150
    faces[:, ::2] += np.array([10, 40], np.uint8)[:, None, None, None]  # stripes, stronger on the second
    made = make_defects(faces, seed=0, names=("mixed parts",))["mixed parts"].astype(int)
    changed = np.abs(made - faces).max(-1)
    assert (changed.max((1, 2)) > 10).all()
    assert changed.max() <= 17  # half of the difference of the stripes, which is all that is left
    assert (np.count_nonzero(changed, axis=(1, 2)) < 64 * 64 / 2).all()


def test_the_same_seed_gives_the_same_faults(faces, made):
    again = make_defects(faces, seed=0, names=("ghost",))
    np.testing.assert_array_equal(again["ghost"], made["ghost"])
    assert (make_defects(faces, seed=1, names=("ghost",))["ghost"] != made["ghost"]).any()


def test_what_does_not_fit_is_refused(faces):
    with pytest.raises(ValueError, match="no fault moustache; wanted some of hard seam"):
        make_defects(faces, seed=0, names=("moustache",))
    with pytest.raises(ValueError, match="1 faces; wanted two or more"):
        make_defects(faces[:1], seed=0)
