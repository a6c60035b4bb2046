"""The network: its layers, their derivatives, inference without norms, and the folder it is exchanged in."""
