"""`python train.py --config=FILE ...` is `perface train ...`; see `perface_jax/commands/train.py`."""

from perface_jax.commands import train

if __name__ == "__main__":
    train.main()
