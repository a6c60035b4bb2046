"""One exported program with its weights: the same on every platform, for any number of pictures, with JAX alone."""

import re
import subprocess
import sys

import jax
import numpy as np
import pytest
import torch

from converters.stablehlo import PLATFORMS, serialize, to_stablehlo
from perface_jax.network.model import iresnet
from tests import torch_twin
from tests.golden import formula

SMALL = {"layers": (1, 1, 1, 1), "width": 4, "image_size": 16, "embedding_size": 8}
# Runs a file where nothing but JAX, NumPy and what they need themselves can be imported.
ALONE = """
import importlib.metadata, pathlib, sys
needed = ("jax", "jaxlib", "numpy", "ml_dtypes", "opt_einsum", "scipy", "flatbuffers")
others = {name for name, of in importlib.metadata.packages_distributions().items() if name not in needed}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in others - {"_distutils_hack", "setuptools"}:
            raise ModuleNotFoundError(f"{name} is not there", name=name)
sys.meta_path.insert(0, Refuse())
import jax.export, numpy as np
answer = np.load(sys.argv[1] + ".known_answer.npz")
program = jax.export.deserialize(bytearray(pathlib.Path(sys.argv[1]).read_bytes()))
for count in (4, 1):
    found = program.call(answer["images"][:count])
    difference = found["embeddings"] * found["lengths"] - (answer["embeddings"] * answer["lengths"])[:count]
    print(np.abs(difference).max() / np.abs(answer["embeddings"] * answer["lengths"]).max())
assert not {"flax", "perface_jax", "orbax"} & sys.modules.keys()
"""


def run_alone(file):
    """The errors of an exported file on its known answer, for four pictures and for one."""
    done = subprocess.run([sys.executable, "-c", ALONE, str(file)], capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]


@pytest.mark.parametrize("contract", [{}, {"color_order": "bgr", "input_range": (0.0, 1.0), "epsilon": 2e-5}])
def test_the_program_is_one_for_all_platforms_and_any_number_of_pictures(contract):
    model = iresnet(**SMALL, **contract)
    exported = to_stablehlo(model, formula.variables(model))
    assert exported.platforms == PLATFORMS
    module = exported.mlir_module()
    assert not re.search("stablehlo.while|optimization_barrier", module)  # our kernels for CPUs
    assert set(re.findall(r"custom_call @(\w+)", module)) <= {"shape_assertion"}
    program, pictures = jax.export.deserialize(bytearray(serialize(exported))), formula.pictures(3)[:, :16, :16]
    wanted = of_twin(model, pictures)
    for count in (3, 1):
        found = program.call(pictures[:count])
        np.testing.assert_allclose(np.linalg.norm(found["embeddings"], axis=1), 1, atol=1e-6)
        seen = found["embeddings"] * found["lengths"]
        np.testing.assert_allclose(seen, wanted[:count], atol=1e-5 * np.abs(wanted).max())


def of_twin(model, pictures):
    """The embeddings of the same weights in PyTorch, in float64."""
    options = {name: getattr(model, name) for name in ("width", "image_size", "embedding_size")}
    network = torch_twin.golden(model.layers, **options).double()
    for norm in (module for module in network.modules() if hasattr(module, "running_var")):
        norm.eps = model.epsilon
    black, white = model.input_range
    planes = torch.tensor(pictures).permute(0, 3, 1, 2).double() / 255 * (white - black) + black
    with torch.no_grad():
        return network(planes.flip(1) if model.color_order == "bgr" else planes).numpy()


def test_each_platform_gets_the_same_program_and_the_precision_that_is_asked_for():
    model = iresnet(**SMALL)
    cpu, cuda, tpu = (to_stablehlo(model, formula.variables(model), platforms=[name]) for name in PLATFORMS)
    assert cpu.mlir_module() == cuda.mlir_module() == tpu.mlir_module()
    assert "HIGHEST" in tpu.mlir_module()  # as the whole suite asks


def test_variables_of_another_model_are_refused():
    model = iresnet(**SMALL)
    with pytest.raises(ValueError, match="these variables are not those of the model"):
        to_stablehlo(model, formula.variables(model.clone(layers=(1, 1, 1, 2))))
