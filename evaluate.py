"""`python evaluate.py --config=FILE ...` is `perface evaluate ...`; see `perface_jax/commands/evaluate.py`."""

from perface_jax import commands

if __name__ == "__main__":
    commands.call("evaluate")
