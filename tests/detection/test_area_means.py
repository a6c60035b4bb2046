"""Averages over areas, against PyTorch and by hand."""

import numpy as np
import pytest
import torch

from perface_jax.detection.area_means import area_means, summed_area_table
from tests.pictures import noise


@pytest.mark.parametrize("size", [(5, 7), (24, 24), (11, 1), (60, 40)])
def test_a_picture_is_resized_as_pytorch_does(size):
    picture = noise(31, 22, 3)
    wanted = torch.nn.functional.interpolate(
        torch.tensor(picture).permute(2, 0, 1)[None].float(), size=size, mode="area"
    )
    means = area_means(summed_area_table(picture), np.array([[0, 0, 22, 31]]), size)
    np.testing.assert_allclose(means[0], wanted[0].permute(1, 2, 0), rtol=1e-6)


def test_windows_are_cut_out_and_black_outside():
    picture = np.full((4, 4, 3), 100, np.uint8)
    picture[0, 0] = 20
    means = area_means(summed_area_table(picture), np.array([[0, 0, 2, 2], [-2, -2, 2, 2], [3, 3, 5, 5]]), (2, 2))
    np.testing.assert_array_equal(means[0, ..., 0], [[20, 100], [100, 100]])
    np.testing.assert_array_equal(means[1, ..., 0], [[0, 0], [0, 80]])
    np.testing.assert_array_equal(means[2, ..., 0], [[100, 0], [0, 0]])


def test_sums_beyond_32_bits_come_out_right():
    picture = noise(9, 9, 3)
    table, windows = summed_area_table(picture), np.array([[1, 2, 8, 9]])
    beyond = table + np.uint32(2**32 - int(table.max()) // 2)  # as in the lower right of a picture of 17 million pixels
    np.testing.assert_array_equal(area_means(beyond, windows, (3, 2)), area_means(table, windows, (3, 2)))
