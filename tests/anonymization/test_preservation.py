"""Preservation: why a number is missing, how many pictures a mean is over, and what the two skin differences see."""

import dataclasses

import numpy as np
import pytest

from perface_jax.anonymization import preservation, sections
from perface_jax.anonymization.benchmark import Benchmark, preservation_rows
from perface_jax.anonymization.preservation import MEASURES, SKIN_COLORS, SKIN_PIXELS, measure, no_contours
from perface_jax.datasets.portraits import Portraits
from perface_jax.landmarks import GENERIC

SIZE = 48
PERSONS = np.arange(4)


def _portraits(images, *, landmarks=59, measured=True):
    points = (GENERIC[:landmarks, :2] - GENERIC[:, :2].mean(0)) / np.ptp(GENERIC[:, 1]) * 0.6 * SIZE + SIZE / 2
    count = len(images)
    every = np.tile(points.astype(np.float32), (count, 1, 1))
    boxes, sizes = np.tile([0.0, 0.0, 1.0], (count, 1)), np.full((count, 2), SIZE)
    return Portraits(tuple(map(str, range(count))), images, every, measured, boxes, sizes)


def _rows(measured, reason=""):
    return {row.measure: row for row in preservation_rows("m", measured, PERSONS, reason)}


def _cells(rows):
    found = Benchmark(0.1, [], [], list(rows.values()), [], {}, {})
    return {line[0].split(" (")[0]: line[2] for line in sections.preservation(found).table.lines}


def test_the_reason_names_what_is_missing():
    pictures = np.zeros((2, SIZE, SIZE, 3), np.uint8)
    whole, five, none = _portraits(pictures), _portraits(pictures, landmarks=5), _portraits(pictures, measured=False)
    assert no_contours(whole, whole) == ""
    assert no_contours(none, whole) == "no landmarks of the originals"
    assert no_contours(whole, none) == "no landmarks of the results"
    assert no_contours(five, whole) == "five landmarks of the originals, no contours"
    assert no_contours(whole, five) == "five landmarks of the results, no contours"


def test_an_undefined_measure_has_another_reason_than_missing_landmarks():
    rows = _rows({"light": np.full(4, np.nan)}, "no landmarks of the results")
    assert rows["light"].note == "no lit face to fit a lamp to"
    assert rows["pose"].note == "no landmarks of the results"
    assert _cells(rows)["light"] == "n/a: no lit face to fit a lamp to"


def test_a_mean_over_some_pictures_has_their_number():
    rows = _rows({"PSNR": np.array([80, np.inf, np.inf, 84.0]), "L1": np.array([1, 2, 3, 2.0])})
    psnr = rows["PSNR"]
    assert (psnr.value.value, psnr.pictures, psnr.infinite, psnr.total) == (82, 2, 2, 4)
    assert _cells(rows)["PSNR"] == "82.0 [80.0, 84.0] (2/4)"
    assert "/" not in _cells(rows)["L1"]
    alone = _rows({"PSNR": np.array([80, np.inf, np.inf, np.inf])})
    assert _cells(alone)["PSNR"] == "80.0 (1/4)"  # one picture has no interval
    light = _rows({"light": np.array([10, np.nan, 20, 30.0])})["light"]
    assert (light.value.value, light.pictures, light.infinite, light.total) == (20, 3, 0, 4)


def test_equal_pictures_have_infinite_psnr():
    rows = _rows({"PSNR": np.full(4, np.inf)})
    assert (rows["PSNR"].value.value, rows["PSNR"].pictures, rows["PSNR"].infinite) == (np.inf, 0, 4)
    assert _cells(rows)["PSNR"] == "inf"


def test_both_skin_differences_are_shown_by_their_names():
    rows = _rows({SKIN_PIXELS: np.full(4, 7.0), SKIN_COLORS: np.full(4, 2.0)})
    cells = _cells(rows)
    assert cells["skin, mean over pixels"] == "7.0 [7.0, 7.0]"
    assert cells["skin, between mean colors"] == "2.0 [2.0, 2.0]"


@pytest.fixture(scope="module")
def measured():
    """Measures of four drawn squares: the same, mirrored noise on them, black, and brighter."""
    random = np.random.default_rng(0)
    plain = np.tile(np.array([190, 150, 130], np.uint8), (4, SIZE, SIZE, 1))
    noise = random.integers(-20, 21, (SIZE, SIZE, 1))
    originals = np.clip(plain + noise, 0, 255).astype(np.uint8)
    results = originals.copy()
    results[1] = np.clip(plain[1] - noise, 0, 255)
    results[2] = 0
    results[3] = np.clip(originals[3] + 30.0, 0, 255)
    before = _portraits(originals)
    return measure(before, dataclasses.replace(before, images=results, measured=False))


@pytest.mark.slow
def test_without_landmarks_of_the_results_all_others_are_measured(measured):
    assert set(MEASURES) - set(measured) == {"expression", "mouth", "pose"}
    assert np.isinf(measured["PSNR"]).tolist() == [True, False, False, False]


@pytest.mark.slow
def test_the_pixel_difference_includes_texture_and_the_mean_color_difference_does_not(measured):
    assert measured[SKIN_PIXELS][0] == measured[SKIN_COLORS][0] == 0
    assert measured[SKIN_PIXELS][1] > 5 * measured[SKIN_COLORS][1]  # the same colors at other places
    assert measured[SKIN_PIXELS][3] == pytest.approx(measured[SKIN_COLORS][3], rel=0.3)  # another light for all


@pytest.mark.slow
def test_the_light_of_a_black_face_is_undefined(measured):
    assert np.isnan(measured["light"]).tolist() == [False, False, True, False]
    assert preservation.MEASURES["light"].undefined
