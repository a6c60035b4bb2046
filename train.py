"""`python train.py --config=FILE ...` is `perface train ...`; see `perface_jax/commands/train.py`."""

from perface_jax import commands

if __name__ == "__main__":
    commands.call("train")
