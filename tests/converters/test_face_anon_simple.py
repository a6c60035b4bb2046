"""From the folders of a release to a model folder, and one step through it."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from converters import face_anon_simple
from perface_jax.commands import convert
from perface_jax.diffusion import load, networks
from tests.diffusion import formula, small


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The small networks as a release; the autoencoder and CLIP elsewhere."""
    root = tmp_path_factory.mktemp("release")
    configs = json.loads((formula.GOLDEN / "configs.json").read_text())["small"]
    for name in networks.NAMES:
        folder = root / name
        folder.mkdir()
        kind = name if name in configs else "unet"
        (folder / "config.json").write_text(json.dumps(configs[kind]))
        file = "model.safetensors" if name == networks.ENCODER else "diffusion_pytorch_model.safetensors"
        save_file(formula.state_dict(name, small.read_keys("small", name)), folder / file)
    (root / "vae").rename(root.parent / "autoencoder")
    return root


@pytest.mark.slow
def test_a_release_becomes_one_model_folder(release, tmp_path, capsys):
    out, vae = tmp_path / "model", release.parent / "autoencoder"
    convert.main([str(release), "--out", str(out), "--vae", str(vae)])
    said = capsys.readouterr().out
    assert "not stated by their authors" in said
    assert "referencenet: 152 tensors without effect" in said
    made, params = load(out)
    assert made == small.made("float32")
    wanted = small.filled(networks.UNET).params["conv_in"]["kernel"]
    np.testing.assert_array_equal(params["unet"]["conv_in"]["kernel"], wanted)


@pytest.mark.slow
def test_what_is_missing_is_said(release, tmp_path):
    with pytest.raises(FileNotFoundError, match="give it as --vae"):
        face_anon_simple.convert(release, tmp_path / "model")


def test_a_release_is_recognized(tmp_path):
    assert not face_anon_simple.is_release(tmp_path)
    for name in ("unet", "referencenet", "conditioning_referencenet"):
        (tmp_path / name).mkdir()
    assert face_anon_simple.is_release(tmp_path)
    with pytest.raises(SystemExit) as end:
        convert.main([str(tmp_path), "--out", str(tmp_path / "out")])
    assert end.value.code == 2
