"""The classical swap and diffusion as methods for tracks."""

import numpy as np
import pytest

from perface_jax import diffusion, fidelity
from perface_jax.anonymization import video_methods
from perface_jax.anonymization.attribute_guard import Looks
from perface_jax.anonymization.video_methods import Diffusion, Swap
from perface_jax.datasets.portraits import Portraits
from perface_jax.diffusion import networks
from perface_jax.landmarks import GENERIC
from perface_jax.swap import Face, swap

SIZE = 32
POINTS = (GENERIC[:, :2] * 8 + (15.5, 12)).astype(np.float32)
VECTORS = np.eye(4, 5, dtype=np.float32)


def faces(count, seed):
    pictures = np.random.default_rng(seed).integers(60, 200, (count, SIZE, SIZE, 3)).astype(np.uint8)
    return Face(pictures, np.repeat(POINTS[None], count, axis=0))


@pytest.fixture(scope="module")
def candidates():
    found = faces(4, 1)
    names = ("a", "b", "c", "d")
    return Portraits(names, found.image, found.landmarks, True, np.zeros((4, 3)), np.ones((4, 2), int))


def swapper(candidates, **options):
    standard = {
        "looks": Looks(4, {}, None),
        "members": np.ones((1, 4), bool),
        "vectors": VECTORS,
        "perceive": lambda pictures, points: np.repeat([[1.0, 0.5, 0.25, 0, 0]], len(pictures), 0).astype(np.float32),
        "options": {"k": 3},
        "turn": 20.0,
    }
    return Swap(size=SIZE, candidates=candidates, **{**standard, **options})


def test_the_least_similar_candidates_are_proposed(candidates):
    found = swapper(candidates).propose(faces(2, 0), number=0)
    assert found.names == ("d", "c", "b")
    np.testing.assert_array_equal(found.faces.image[0], candidates.images[3])
    assert found.faces.landmarks.shape == (3, 59, 2)


def test_candidates_whose_head_looks_elsewhere_are_not_proposed(candidates):
    keys = faces(2, 0)
    pose = fidelity.head_pose(keys.landmarks[0])
    turns = np.stack([np.full(4, pose.yaw), np.full(4, pose.pitch)], 1) + np.array([[0, 0], [0, 0], [0, 0], [30, 0]])
    assert swapper(candidates, looks=Looks(4, {}, turns)).propose(keys, number=0).names == ("c", "b", "a")
    five = keys._replace(landmarks=keys.landmarks[:, :5])  # of five points the turn is not known
    assert swapper(candidates, looks=Looks(4, {}, turns)).propose(five, number=0).names == ("d", "c", "b")


def test_every_target_is_swapped_with_its_source_by_their_outlines(candidates, monkeypatch):
    seen = []
    monkeypatch.setattr(video_methods, "swap", lambda *pair: seen.append(pair) or pair[1].image)
    targets, sources = faces(2, 0), faces(2, 2)
    found = swapper(candidates).replace(targets._replace(landmarks=targets.landmarks[:, :5]), sources)
    np.testing.assert_array_equal(found, sources.image)
    assert [target.landmarks.shape for target, _ in seen] == [(59, 2)] * 2
    np.testing.assert_array_equal(seen[1][0].image, targets.image[1])


@pytest.mark.slow  # compiles the swap
def test_every_target_gets_the_face_of_its_source(candidates):
    targets, sources = faces(2, 0), faces(2, 2)
    five = targets.landmarks[:, :5]
    found = swapper(candidates).replace(targets._replace(landmarks=five), sources)
    assert found.shape == (2, SIZE, SIZE, 3)
    assert (found != targets.image).any((1, 2, 3)).all()
    wanted = swap(Face(targets.image[1], five[1]), Face(sources.image[1], sources.landmarks[1]))
    np.testing.assert_array_equal(found[1], wanted)


@pytest.mark.slow  # compiles the networks of diffusion
def test_diffusion_makes_a_face_for_a_track_and_swaps_it_into_every_frame():
    made = networks.untrained()
    anonymizer = diffusion.FaceAnonymizer(made, networks.random_params(made), size=SIZE, steps=2)
    method, keys = Diffusion(anonymizer, 1.25, 2), faces(2, 0)
    first, second = (method.propose(keys, number=number) for number in (0, 3))
    assert (first.names, second.names) == (["seed 0", "seed 1"], ["seed 6", "seed 7"])
    wanted = anonymizer(keys.image[:1], seeds=[6])[0, 0]
    np.testing.assert_array_equal(second.faces.image[0], wanted)
    found = method.replace(keys, Face(*(part[:2] for part in first.faces)))
    np.testing.assert_array_equal(found, anonymizer.swap(keys.image, first.faces.image)[:, 0])
