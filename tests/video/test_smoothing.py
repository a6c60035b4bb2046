"""Jitter goes, even motion stays."""

import numpy as np
import pytest

from perface_jax.video import smooth

FRAME = np.arange(40.0)
EVEN = np.stack([3 * FRAME, 0.2 * FRAME**2], 1)[:, None] + np.arange(5)[None, :, None]


def test_even_and_speeding_motion_is_not_changed():
    np.testing.assert_allclose(smooth(EVEN, rate=30), EVEN, atol=1e-9)


def test_jitter_is_halved():
    noise = np.random.default_rng(0).normal(size=EVEN.shape)
    assert np.abs(smooth(EVEN + noise, rate=30) - EVEN).mean() < 0.65 * np.abs(noise).mean()
    assert (
        np.abs(np.diff(smooth(EVEN + noise, rate=30) - EVEN, axis=0)).mean()
        < 0.5 * np.abs(np.diff(noise, axis=0)).mean()
    )


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 6])
def test_short_tracks_keep_their_length(frames):
    assert smooth(EVEN[:frames], rate=25).shape == (frames, 5, 2)
    np.testing.assert_allclose(smooth(EVEN[:frames], rate=25), EVEN[:frames], atol=1e-9)
