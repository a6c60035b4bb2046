"""The table of names against the key lists of the public implementation."""

import json

import pytest

from converters import keys
from perface_jax.network.model import iresnet
from tests.golden.formula import FOLDER


@pytest.mark.parametrize("arch", ["r18", "r34", "r50", "r100"])
def test_names_shapes_and_order_are_those_of_arcface_torch(arch):
    golden = [(key, tuple(shape)) for key, shape, _ in json.loads((FOLDER / f"keys_{arch}.json").read_text())]
    model = iresnet(arch)
    shapes = {twin.key: twin.torch_shape for twin in keys.twins(model)} | {key: () for key in keys.counters(model)}
    assert [(key, shapes[key]) for key in keys.ordered(shapes)] == golden
