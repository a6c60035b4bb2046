"""Forwards `perface_jax.model`, where the network stood before 0.2, to `perface_jax.network.model`."""

from perface_jax.network.model import LAYERS, IResNet, embed_step, iresnet

__all__ = ["LAYERS", "IResNet", "embed_step", "iresnet"]
