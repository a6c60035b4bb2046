"""The paper's story on the synthetic world: a small recogniser, fine-tuned on what its simulated annotators see.

The annotators are simulated by a formula: the numbers check the program and say nothing about people.

Before:    python -m perface_jax.datasets.synthetic --out data/synthetic --targets 80 --sources 80 --size 112
           and the three commands of configs/arcface_synthetic.py
Command:   python train.py --config=configs/synthetic.py --workdir=runs/synthetic
Table:     python evaluate.py --config=configs/synthetic.py --workdir=runs/synthetic
Hardware:  not run yet
Wall time: not run yet
Accuracy:  not run yet

Variants: `demo` is what `make demo` does: a world of 20 x 20, random weights, one fold, 30 steps.
"""

from ml_collections import ConfigDict

from configs import arcface_synthetic, perface_r50


def get_config(variant: str = "") -> ConfigDict:
    config = perface_r50.get_config()
    config.init = "runs/arcface_synthetic/model"
    config.model = arcface_synthetic.get_config().model
    config.data.release = "data/synthetic/release"
    config.data.data_dir = "data/tfds"
    config.epochs = 6
    config.log_every = 20
    config.feed = "resident"
    config.sweep.split.fold = (0, 1, 2, 3, 4)  # every source and every target is unseen once

    if variant == "demo":
        config.init = ""
        config.model.layers = ()
        config.model.width = 8
        config.model.image_size = 112
        config.model.embedding_size = 512
        config.data.sources = 20
        config.data.targets = 20
        config.split.sources = (12, 4, 4)
        config.split.targets = (12, 4, 4)
        config.sweep.split.fold = ()
        config.feed = "disk"
        config.epochs = 15
        config.export = "last"  # the validation set of so small a world, some ten triplets, chooses by chance
        config.evaluate_every = 2
        config.log_every = 5
    elif variant:
        raise ValueError(f"unknown variant {variant!r} of configs/synthetic.py; it has: demo")
    return config
