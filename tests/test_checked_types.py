"""The suite's check of annotations: what it finds, and what it leaves to the library."""

import jaxtyping
import numpy as np
import pytest
from jaxtyping import Float

from perface_jax import groups, images, losses, selection
from perface_jax.network import batch_norm
from tests.checked_types import checked


@checked
def halves(x: Float[np.ndarray, "n d"], *, wrong: bool = False) -> Float[np.ndarray, "n d"]:
    if x.ndim == 1:
        raise ValueError("the function's own error")
    return x[:1] if wrong else x / 2


def test_true_annotations_pass_and_a_wrong_result_is_found():
    np.testing.assert_array_equal(halves(np.ones((2, 3))), np.full((2, 3), 0.5))
    with pytest.raises(jaxtyping.TypeCheckError, match="return value"):
        halves(np.ones((2, 3)), wrong=True)


def test_a_function_says_itself_what_is_wrong_and_one_that_accepts_it_is_found():
    with pytest.raises(ValueError, match="the function's own error"):
        halves(np.ones(3))
    with pytest.raises(jaxtyping.TypeCheckError, match="parameters"):
        halves(np.ones((2, 3, 4)))


@pytest.mark.parametrize("module", [groups, images, losses, selection, batch_norm])
def test_the_rooms_were_imported_with_the_check(module):
    assert module.__checked__ is checked
