"""`python -m perface_jax ...` is `perface ...`."""

from perface_jax import commands

if __name__ == "__main__":
    commands.main()
