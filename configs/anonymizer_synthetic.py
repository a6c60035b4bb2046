"""A learned anonymizer on drawn faces: the face is removed, and painted anew from the rest and from its landmarks.

Any folder of faces with landmarks can be used: --config.data.folder=DIR --config.data.landmarks=FILE.

Before:    perface synthetic --out data/faces --sources 2 --targets 2 --people 1200 --celeba_size 96 --size 32
           and the three commands of configs/arcface_synthetic.py, for the recognizer
Command:   perface train --config=anonymizer_synthetic --workdir=runs/anonymizer
Hardware:  2 virtual x86-64 cores, shared; December 2026
Wall time: 3 to 5 min for 300 steps with little beside it; 21 min on a crowded machine
Accuracy:  protection times likeness of 100 validation faces .883 -> .979, with the recognizer of `perface demo`; one
           seed. The faces do not look natural yet: docs/learned_anonymizer.md

Variants, as `--config=anonymizer_synthetic:NAME`:
  five          the generator sees five landmarks, not the outline
  no_regions    without PerceptFace's loss by regions
  celebamask_hq a recipe for one GPU: CelebAMask-HQ at 256 pixels, with its five landmarks or your dense ones; not run
"""

from ml_collections import ConfigDict

from perface_jax.all_settings import default


def get_config(variant: str = "") -> ConfigDict:
    if variant not in ("", "five", "no_regions", "celebamask_hq"):
        raise ValueError(
            f"unknown variant {variant!r} of configs/anonymizer_synthetic.py; it has: five, no_regions, celebamask_hq"
        )
    config = default("anonymizer")
    config.init = ""
    config.model.image_size = 64
    config.model.width = 12
    config.batch_size = 16
    config.evaluation_batch_size = 50
    config.optimizer.name = "adamw"
    config.optimizer.options = {"b1": 0.5, "b2": 0.99}
    config.learning_rate = 1e-3
    config.weight_decay = 0.0
    config.schedule.name = "cosine"
    config.max_steps = 300
    config.evaluate_every = 3
    config.log_every = 20
    config.export = "last"  # the score of a validation says nothing about the discriminator's opinion
    if variant == "five":
        config.generator.landmarks = "five"
    if variant == "no_regions":
        config.generator.regions = 0.0
    if variant == "celebamask_hq":
        config.data.folder = "CelebAMask-HQ/CelebA-HQ-img"
        config.data.landmarks = "landmarks.csv"  # of `perface detect`, or dense ones
        config.data.held_out = 1000
        config.generator.recognizer = "models/arcface_r50"
        config.model.image_size = 256
        config.model.width = 48
        config.model.dtype = "bfloat16"
        config.learning_rate = 2e-4
        config.max_steps = 200_000
    return config
