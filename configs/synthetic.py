"""The whole run on the synthetic world, small enough for a laptop: what `make demo` does.

A thin IR-ResNet18 from random weights learns the simulated annotators of `perface_jax.datasets.synthetic`. The
annotators are simulated by a formula: the numbers check the program and say nothing about people.

Before:    python -m perface_jax.datasets.synthetic --out data/synthetic --targets 20 --sources 20 --size 112
Command:   python train.py --config=configs/synthetic.py --workdir=runs/synthetic
Table:     python evaluate.py --config=configs/synthetic.py --workdir=runs/synthetic
Hardware:  2 virtual x86-64 cores, 24 GiB; commit bb0b3f5, November 2026
Wall time: 2 min 50 s for the four commands of `make demo`, the drawing of the world included
Accuracy:  after 30 steps, in brackets the 95% interval over sources: train .677 -> 1.000; i .500 [.000, .750] -> .625
           [.000, .750] (8 triplets, 3 sources); ii .769 [.600, .920] -> .808 [.652, .931] (26, 11); iii .708 [.531,
           1.000] -> .625 [.438, 1.000] (24, 4). So few sources show that the program runs, and no more.
"""

from ml_collections import ConfigDict

from configs import perface_r50


def get_config() -> ConfigDict:
    config = perface_r50.get_config()
    config.init = ""
    config.model.arch = "r18"
    config.model.width = 8
    config.model.image_size = 112
    config.data.release = "data/synthetic/release"
    config.data.data_dir = "data/tfds"
    config.data.sources = 20
    config.data.targets = 20
    config.split.sources = (12, 4, 4)
    config.split.targets = (12, 4, 4)
    config.epochs = 15
    config.export = "last"  # the validation set of so small a world, some ten triplets, chooses by chance
    config.evaluate_every = 2
    config.log_every = 5
    return config
