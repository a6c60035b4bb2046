"""Forwards `python -m perface_jax.datasets.synthetic_identities` to `perface_jax.synthetic.write_identities`."""

from perface_jax.synthetic.write_identities import main

if __name__ == "__main__":
    main()
