"""Converts the weights of "Face Anonymization Made Simple" to a model folder of `perface_jax.diffusion`.

    perface convert face-anon-simple --out models/face_anon_simple --vae sd21/vae --clip clip-vit-large-patch14

DIR has the folders unet, referencenet and conditioning_referencenet of the authors' release
(`hkung/face-anon-simple`). --vae is the autoencoder of Stable Diffusion 2.1, --clip is CLIP ViT-L/14
(`openai/clip-vit-large-patch14`); both are looked for in DIR where they are not given (vae, image_encoder). A network
is a folder with config.json and a .safetensors file, or that file. Nothing is downloaded.

Every tensor is used, or named: what a ReferenceNet has behind its last used state, and the text half of CLIP. The
authors state no license for their weights; Stable Diffusion and CLIP have licenses of their own.
"""

import argparse
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from perface_jax import files as writing
from perface_jax.diffusion import model_folder, networks, settings
from perface_jax.extras import explained

from . import diffusers_keys, files

FILES = ("diffusion_pytorch_model.safetensors", "model.safetensors")
LICENSE = (
    "denoiser and ReferenceNets: not stated by their authors; autoencoder: that of Stable Diffusion 2.1; image encoder:"
    " that of CLIP"
)


def is_release(folder: pathlib.Path) -> bool:
    """Whether a folder looks like the authors' release."""
    return all((folder / name).is_dir() for name in (networks.UNET, *networks.REFERENCES))


def convert(
    folder: pathlib.Path, out: pathlib.Path, *, vae: pathlib.Path | None = None, clip: pathlib.Path | None = None
) -> dict[str, tuple[str, ...]]:
    """Write the model folder `out`; returns the keys of every network that have no effect.

    Args:
      folder: with unet, referencenet and conditioning_referencenet.
      out: must not exist yet.
      vae, clip: folders or files of the two other networks.

    Raises:
      FileNotFoundError: a network, or its weights, is missing.
      ValueError: tensors of another network, which are named.
    """
    places = {name: folder / name for name in (networks.UNET, *networks.REFERENCES)}
    places |= {networks.PICTURES: vae or folder / "vae", networks.ENCODER: clip or folder / "image_encoder"}
    weights = {name: _weights(name, place) for name, place in places.items()}
    made = networks.Networks(_settings(places, folder))
    dropped: dict[str, tuple[str, ...]] = {}
    source: dict[str, Any] = {
        name: {"file": file.name, "sha256": writing.sha256(file)} for name, file in weights.items()
    }
    parts = _parts(made, weights, dropped)
    model_folder.save(out, made, parts, source={**source, "without effect": dropped}, license=LICENSE)
    return dropped


def main(arguments: list[str] | None = None) -> None:
    """The program; exits with 2 and one line if the conversion fails."""
    parser = argparse.ArgumentParser(prog="perface convert", description=str(__doc__).splitlines()[0])
    parser.add_argument("file", metavar="DIR", type=pathlib.Path, help="folder with unet and the two ReferenceNets")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="model folder to write; must not exist")
    parser.add_argument("--vae", type=pathlib.Path, help="autoencoder of Stable Diffusion 2.1; default DIR/vae")
    parser.add_argument("--clip", type=pathlib.Path, help="CLIP ViT-L/14; default DIR/image_encoder")
    args = parser.parse_args(arguments)
    with files.user_errors(parser, args.file, args.out):
        dropped = convert(args.file, args.out, vae=args.vae, clip=args.clip)
    print(f"{args.out}: five networks")
    for name, keys in dropped.items():
        if keys:
            print(f"{name}: {len(keys)} tensors without effect are left out, among them {keys[0]}")
    print(f"License: {LICENSE}")


def _weights(name, place):
    if place.is_file():
        return place
    if found := [place / file for file in FILES if (place / file).is_file()]:
        return found[0]
    flag = {networks.PICTURES: "; give it as --vae", networks.ENCODER: "; give it as --clip"}.get(name, "")
    raise FileNotFoundError(f"no weights of the {name}: no {place / FILES[0]} or {FILES[1]}{flag}")


def _settings(places, folder):
    read = {
        networks.UNET: settings.read_unet,
        networks.PICTURES: settings.read_vae,
        networks.ENCODER: settings.read_encoder,
    }
    found: dict[str, Any] = {name: one(_config(places[name])) for name, one in read.items()}
    for name in networks.REFERENCES:
        if settings.read_unet(_config(places[name])) != found[networks.UNET]:
            raise ValueError(f"{places[name]} has other sizes than {places[networks.UNET]}")
    schedule = settings.read_schedule(_config(folder / "scheduler", "scheduler_config.json"))
    return settings.Settings(found[networks.UNET], found[networks.PICTURES], found[networks.ENCODER], schedule)


def _config(place, name="config.json") -> Mapping[str, Any]:
    """The config beside the weights; empty where there is none, which stands for the released networks."""
    file = (place if place.is_dir() else place.parent) / name
    return json.loads(file.read_text()) if file.is_file() else {}


def _parts(made, weights, dropped) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with explained():
        from safetensors import safe_open
    for name, file in weights.items():
        with safe_open(file, framework="np") as opened:
            tensors = {key: _Lazy(opened, key) for key in opened.keys()}  # noqa: SIM118  (no dict)
            found = diffusers_keys.fill(made, name, tensors)
        dropped[name] = found.dropped
        yield name, found.params


class _Lazy:
    """A tensor of a file, read when its numbers are wanted."""

    def __init__(self, opened, key):
        self._opened, self._key = opened, key
        self.shape = tuple(opened.get_slice(key).get_shape())

    def __array__(self, dtype=None, copy=None):
        return self._opened.get_tensor(self._key)


if __name__ == "__main__":
    main()
