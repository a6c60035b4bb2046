"""The recognizer that PerFace starts from, without training: the baseline of every table.

Before:    python -m perface_jax.converters.arcface_torch ms1mv3_arcface_r50_fp16.pth --out models/arcface_r50
Command:   python train.py --config=configs/arcface_r50.py --workdir=runs/arcface_r50 --config.data.release=DIR
Table:     python evaluate.py --workdir=runs/arcface_r50 --config.data.release=DIR
Accuracy:  not run yet on the real data. The paper's Table 3, Original: [i] .690, [ii] .600, [iii] .644.
"""

from ml_collections import ConfigDict

from perface_jax.configs import perface_r50  # pyright: ignore[reportAttributeAccessIssue]  # found by __path__


def get_config() -> ConfigDict:
    config = perface_r50.get_config()
    config.epochs = 0
    config.export = "last"
    return config
