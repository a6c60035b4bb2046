"""Forwards `python -m perface_jax.datasets.synthetic` to `perface_jax.synthetic.write_world`."""

from perface_jax.synthetic.write_world import main

if __name__ == "__main__":
    main()
