"""Public functions of the mathematical rooms say the types of all arguments and results, and the shapes of arrays."""

import collections.abc
import importlib
import inspect
import pkgutil
import typing

import jax
import numpy as np
import pytest

ROOMS = (
    "images", "network", "similarity", "losses", "metrics", "statistics", "groups", "classification", "selection",
    "perceptual_distance", "verification", "annotator_masks",
    "annotations", "detection", "diffusion", "video", "swap", "fidelity", "privacy", "similarity_scale",
)  # fmt: skip


def _modules():
    for room in ROOMS:
        module = importlib.import_module(f"perface_jax.{room}")
        yield module
        for found in pkgutil.iter_modules(getattr(module, "__path__", []), f"{module.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def _functions():
    for module in _modules():
        for name, value in vars(module).items():
            function = inspect.unwrap(value) if callable(value) else value
            if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_":
                yield pytest.param(function, id=f"{module.__name__}.{name}")


def bare_arrays(hint) -> bool:
    """Whether a type holds an array without a shape; what a function given as an argument returns is its own affair."""
    if typing.get_origin(hint) is collections.abc.Callable:
        return False
    return hint in (jax.Array, np.ndarray) or any(map(bare_arrays, typing.get_args(hint)))


def test_an_array_without_a_shape_is_found_wherever_it_is():
    assert bare_arrays(np.ndarray)
    assert bare_arrays(dict[str, jax.Array | None])
    assert not bare_arrays(dict[str, int] | None)
    assert not bare_arrays(collections.abc.Callable[[int], jax.Array])


@pytest.mark.parametrize("function", list(_functions()))
def test_types_and_shapes_of_all_arguments_and_results_are_said(function):
    wanted = {*inspect.signature(function).parameters, "return"}
    assert wanted <= function.__annotations__.keys()
    hints = typing.get_type_hints(function, include_extras=True)
    assert not [name for name, hint in hints.items() if bare_arrays(hint)]
