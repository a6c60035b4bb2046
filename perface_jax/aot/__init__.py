"""Compiles the project's own programs for accelerators that this computer lacks, and counts what they would do.

`topology` names the chips, `programs` has the programs, `compiling` compiles one and describes it. From the compiled
text, `hlo` reads the operations, and `costs` counts them with `products`, `traffic` and `collectives`; these five know
no JAX. `page` shows the description; `executables` keeps what was compiled. Nothing runs on a device.
"""
