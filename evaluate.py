"""`python evaluate.py --config=FILE ...` is `perface evaluate ...`; see `perface_jax/commands/evaluate.py`."""

from perface_jax.commands import evaluate

if __name__ == "__main__":
    evaluate.main()
