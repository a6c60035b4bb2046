"""What the files of the package owe its users together."""

import os
import subprocess
import sys

from PIL import Image

from tests.conftest import ROOT
from tests.pictures import noise


def test_reading_and_fitting_never_start_a_device(tmp_path):
    """Data workers do both; a worker that took hold of the accelerator would starve the trainer."""
    Image.fromarray(noise(64, 64, 3)).save(tmp_path / "face.png")
    program = (
        "import sys; from perface_jax import images; picture = images.read(sys.argv[1]);"
        "images.fit(picture, crop='celeba_hq'); images.fit(picture, crop='arcface');"
        "images.fit(picture, crop='simswap', landmarks=images.TEMPLATES['arcface'].points[0] / 2)"
    )
    environment = os.environ | {"JAX_PLATFORMS": "no_such_device"}
    subprocess.run([sys.executable, "-c", program, tmp_path / "face.png"], check=True, cwd=ROOT, env=environment)
