"""The network: its layers, their derivatives, inference with folded norms, and the model folder."""
