"""Faces cut out of photographs and blended back."""

import numpy as np

from perface_jax.detection import Face
from perface_jax.diffusion import FaceAnonymizer, photographs
from tests.diffusion import formula

FIVE = np.array([[-0.5, 0], [0.5, 0], [0, 0.57], [-0.4, 1.09], [0.4, 1.09]])


def points(center=(150, 120), pupils=30.0, angle=0.2):
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return pupils * FIVE @ turn + center


def test_the_square_is_four_distances_of_the_pupils_wide_and_upright():
    matrix = photographs.square(points(), size=64)
    own = points() @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(own[1] - own[0], [16, 0], atol=1e-9)
    np.testing.assert_allclose(own[:2].mean(0), [32, 32 - 0.4 * 16], atol=1e-9)


def test_a_cut_face_shows_the_photograph_and_white_outside():
    photograph = np.full((240, 300, 3), 90, np.uint8)
    photograph[:, :, 0] = np.arange(300) * 255 // 300
    face = photographs.cut(photograph, points(angle=0.0), size=120)
    assert face.image.shape == (120, 120, 3)
    np.testing.assert_allclose(face.image[60, 60, 0], photograph[120, 150, 0], atol=2)  # one pixel here is one there
    outside = photographs.cut(photograph, points(center=(0, 0)), size=32)
    assert outside.image[0, 0].tolist() == [255, 255, 255]


def test_pasting_back_what_was_cut_changes_little_and_nothing_far_away():
    photograph = formula.image_u8("photograph", 240, 300)
    smooth = np.asarray(photographs.Image.fromarray(photograph).reduce(10).resize((300, 240)))
    pasted = photographs.paste(smooth, photographs.cut(smooth, points(), size=256))
    assert np.abs(pasted.astype(int) - smooth).max() <= 12
    np.testing.assert_array_equal(pasted[:, :60], smooth[:, :60])


def test_the_edge_of_a_pasted_face_is_faded():
    photograph = np.zeros((240, 300, 3), np.uint8)
    face = photographs.cut(photograph, points(angle=0.0), size=120)
    pasted = photographs.paste(photograph, face._replace(image=np.full((120, 120, 3), 200, np.uint8)))[..., 0].astype(
        int
    )
    assert pasted[130, 150] == 200
    assert pasted.min() == 0
    assert np.abs(np.diff(pasted, axis=1)).max() < 30  # a hard edge would be 200


def test_every_face_of_a_photograph_is_replaced_in_its_place():
    photograph = np.zeros((200, 400, 3), np.uint8)
    places = [points((100, 80), 20), points((300, 110), 25)]
    faces = [Face(np.zeros(4, np.float32), 1.0, one.astype(np.float32)) for one in places]

    class Painter(FaceAnonymizer):
        def __init__(self):
            object.__setattr__(self, "size", 64)

        def __call__(self, pictures, *, degree, seeds):
            assert (len(pictures), degree, list(seeds)) == (2, 1.25, [3])
            return np.stack([np.full((1, 64, 64, 3), value, np.uint8) for value in (100, 200)])

    replaced, count = photographs.anonymize_photograph(photograph, lambda _: faces, Painter(), seed=3)
    assert count == 2
    assert (replaced[90, 100, 0], replaced[120, 300, 0], replaced[10, 200, 0]) == (100, 200, 0)
    assert photographs.anonymize_photograph(photograph, lambda _: [], Painter())[0] is photograph
