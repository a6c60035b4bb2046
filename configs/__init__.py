"""One file per kind of run; its docstring is the lab record. In a wheel, this is `perface_jax.configs`."""
