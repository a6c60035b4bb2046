"""Verification accuracy of a fake recognizer, counted by hand."""

import numpy as np

from perface_jax import evaluation
from tests.fake_faces import fake_network


def test_verification_of_a_fake_model_is_what_a_person_counts():
    pictures = np.zeros((4, 4, 4, 3), np.uint8)
    pictures[:2, ..., 0], pictures[2:, ..., 1] = 200, 200  # two red ones, two green ones
    pairs = np.tile([[0, 1], [0, 2], [2, 3], [1, 3]], (5, 1))
    row = evaluation.verification_row("fake", fake_network(), pictures, np.array([0, 0, 1, 1]), pairs)
    assert row == ("fake", 1.0, 0.0, 20, 2)
