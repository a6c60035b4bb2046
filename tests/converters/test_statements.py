"""What a file states of its model, and what is said where the statement is damaged."""

import pytest

from converters import statements
from perface_jax.network import model_json
from perface_jax.network.model import iresnet

MODEL = iresnet("r18", width=4, image_size=32, crop="simswap", color_order="bgr", folded_norms=True)
RECORD = model_json.describe(MODEL, source={}, license="CC0", hashes={})


def test_the_module_and_its_license_come_back():
    assert statements.read(statements.write(RECORD), "a.onnx") == (MODEL, "CC0")


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_other_files_state_nothing(metadata):
    assert statements.read(metadata, "a.onnx") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "is not JSON"), ("[1]", "is a list; wanted an object"), ('{"layers": [1]}', "lacks a field")],
)
def test_a_damaged_statement_is_blamed_on_its_file(text, said):
    with pytest.raises(ValueError, match=rf"metadata perface_jax of a.onnx {said}"):
        statements.read({statements.KEY: text}, "a.onnx")
