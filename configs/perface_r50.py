"""PerFace: ArcFace IR-ResNet50, fine-tuned on the unanimous triplets of SimCelebA (D2).

Paper: Kumagai, Woehler, Ikehata, Aizawa, "PerFace: Metric Learning in Perceptual Facial Similarity for Enhanced Face
Anonymization", ICIP 2025, sections 3.2 and 4.1. `perface config` marks values that the paper does not give with (ours).

Before:    python -m perface_jax.converters.arcface_torch ms1mv3_arcface_r50_fp16.pth --out models/arcface_r50
Command:   python train.py --config=configs/perface_r50.py --workdir=runs/perface_r50 --config.data.release=DIR
Table:     python evaluate.py --workdir=runs/perface_r50 --config.data.release=DIR
Hardware:  not run yet
Wall time: not run yet
Accuracy:  not run yet on the real data. The paper's Table 3, D2: [i] .862 +- .031, [ii] .922 +- .007,
           [iii] .864 +- .018; before training .690 / .600 / .644. Its splits are not published.

Variants, as `--config=configs/perface_r50.py:NAME`; a sweep is one program (see docs/ablations.md):
  d1           trained on the majority labels of all triplets (the paper's D1)
  as_released  answer columns as released, not in the order of the pictures
  paper        only what the paper states: see below
  table3       D1 and D2 x 5 folds of sources and targets x 3 seeds: the cells of the paper's Table 3. Its +- is not
               ours: the paper does not say whether it is over seeds, splits or anything else
  margins      margins 0.05 to 0.4 x 3 seeds
  losses       Eq. 1, soft votes and odd-one-out, on all triplets x 3 seeds
  batch_norm   batch norms keep the statistics of the recognizer
  smoke        shrunk to seconds: a thin network from random weights, 2 steps

The paper states (sections 3.1, 4.1, 4.2, 4.4): 80 targets x 80 source triplets, three valid votes each; "divided into
training, validation, and test sets"; training on all triplets with the majority label (D1) or on those with consistent
annotations (D2); evaluation on triplets whose three votes agree, in [i] source and target not in the training data,
[ii] source in it, [iii] target in it; SGD, batch 32, momentum .9, weight decay 5e-4, learning rate .01, margin .1.
`paper` sets this, D2, and no flips. Our defaults remain for what the paper does not state: which and how many ids or
triplets are in which part, the use of validation, epochs, schedule, resizing, which layers train, how norms behave, and
whether its answers had the fault of the released file (data.repair). If the authors publish their split:
--config.split.by=file --config.split.file=FILE.
"""

from ml_collections import ConfigDict

from perface_jax.all_settings import default


def get_config(variant: str = "") -> ConfigDict:
    config = default("triplets")  # the paper's settings are the defaults; `perface config` lists them
    match variant:
        case "":
            pass
        case "paper":
            config.labels = "unanimous"  # D2; D1 is labels=majority
            config.min_votes = 3
            config.flip = False
        case "d1":
            config.labels = "majority"
        case "as_released":
            config.data.repair = "none"
        case "table3":
            config.feed = "on_device"
            config.sweep.labels = ("majority", "unanimous")
            config.sweep.split.fold = (0, 1, 2, 3, 4)
            config.sweep.seed = (0, 1, 2)
        case "margins":
            config.feed = "on_device"
            config.sweep.margin = (0.05, 0.1, 0.2, 0.4)
            config.sweep.seed = (0, 1, 2)
        case "losses":
            config.feed = "on_device"
            config.labels = "majority"
            config.sweep.loss = ("cosine_triplet", "soft_vote", "odd_one_out")
            config.sweep.seed = (0, 1, 2)
        case "batch_norm":
            config.batch_norm = "frozen"
        case "smoke":
            config.init = ""
            config.model.arch = "r18"
            config.model.width = 4
            config.model.image_size = 32
            config.batch_size = 8
            config.max_steps = 2
            config.log_every = 1
        case _:
            variants = "d1, paper, as_released, table3, margins, losses, batch_norm, smoke"
            raise ValueError(f"unknown variant {variant!r} of configs/perface_r50.py; it has: {variants}")
    return config
