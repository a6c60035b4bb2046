"""The training run: from a config to a model folder."""
