"""Other people's checkpoints in and out. In a wheel this is `perface_jax.converters`."""
