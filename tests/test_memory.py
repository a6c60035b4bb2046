"""Memory that is used up is said in one line, with what to make smaller; other errors pass."""

import jax
import numpy as np
import pytest

from perface_jax import memory

XLA = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 150994944 bytes.")
GPU = jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 12.50GiB.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (XLA, "out of memory: 144 MiB more could not be allocated. Lower it"),
        (GPU, "out of memory: 12.50 GiB more could not be allocated. Lower it"),
        (MemoryError(), "out of memory. Lower it"),
        (RuntimeError("std::bad_alloc"), "out of memory. Lower it"),
        (ExceptionGroup("two", [ValueError(), MemoryError()]), "out of memory. Lower it"),
    ],
)
def test_the_errors_of_xla_and_python(error, said):
    with pytest.raises(memory.OutOfMemory) as raised, memory.explained("Close this"), memory.explained("Lower it"):
        raise error
    assert str(raised.value) == said


def test_numpy_says_how_much_it_wanted():
    with pytest.raises(
        memory.OutOfMemory, match=r"out of memory: 7.11 PiB more could not be allocated. Close other programs"
    ):
        with memory.explained():
            np.empty(10**15, np.float64)


def test_other_errors_pass():
    for error in (ValueError("RESOURCE_EXHAUSTED"), jax.errors.JaxRuntimeError("INTERNAL: a fault")):
        with pytest.raises(type(error)), memory.explained():
            raise error
