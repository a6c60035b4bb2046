"""PerFace: ArcFace IR-ResNet50, fine-tuned on the unanimous triplets of SimCelebA (D2).

Paper: Kumagai, Woehler, Ikehata, Aizawa, "PerFace: Metric Learning in Perceptual Facial Similarity for Enhanced Face
Anonymization", ICIP 2025, sections 3.2 and 4.1. Where the paper is silent the field says "ours".

Before:    python -m perface_jax.converters.arcface_torch ms1mv3_arcface_r50_fp16.pth --out models/arcface_r50
Command:   python train.py --config=configs/perface_r50.py --workdir=runs/perface_r50 --config.data.release=DIR
Table:     python evaluate.py --config=configs/perface_r50.py --workdir=runs/perface_r50 --config.data.release=DIR
Hardware:  not run yet
Wall time: not run yet
Accuracy:  not run yet on the real data. The paper's Table 3, D2: [i] .862 +- .031, [ii] .922 +- .007,
           [iii] .864 +- .018; before training .690 / .600 / .644. Its splits are not published.

Variants, as `--config=configs/perface_r50.py:NAME`; those with a sweep are one program (see docs/ablations.md):
  d1           trained on the majority labels of all triplets (the paper's D1)
  as_released  answer columns as they were released, not brought into the order of the pictures
  table3       D1 and D2 x 5 folds of sources and targets x 3 seeds: the paper's Table 3 with its spread
  margins      margins 0.05 to 0.4 x 3 seeds
  losses       Eq. 1, soft votes and odd-one-out, on all triplets x 3 seeds
  batch_norm   statistics frozen, as the recognizer has them
  smoke        shrunk to seconds: a thin network from random weights, 2 steps
"""

from ml_collections import ConfigDict

from perface_jax.training import sweeps


def get_config(variant: str = "") -> ConfigDict:
    config = ConfigDict()
    config.task = "triplets"  # what is learned: triplets (perception), or identities (a recognizer)
    config.seed = 0  # of random weights, data order and flips
    config.init = "models/arcface_r50"  # model folder to start from; "" = random weights

    config.model = ConfigDict()
    config.model.arch = "r50"  # r18, r34, r50, r100, r200
    config.model.width = 64  # channels of the first stage
    config.model.image_size = 112  # pixels
    config.model.embedding_size = 512  # D
    config.model.dtype = "float32"  # of convolutions and activations: float32 or bfloat16
    config.model.remat = False  # recompute activations in the backward pass: less memory, more work
    config.model.layers = ()  # blocks in each of the four stages, in the place of those of arch; () = those
    config.batch_norm = "global"  # statistics of the joint batch of the three roles (ours); per_device, or frozen

    config.data = ConfigDict()
    config.data.release = "data/SimCelebA"  # folder with triplet/ and triplet_answers.csv
    config.data.data_dir = "data/tfds"  # where the data set built from it is kept
    config.data.order = "auto"  # row order: auto (read off the pictures) or a kind of annotations.grid_order
    config.data.block = 10  # sources in a group, where order names a grouped kind
    config.data.sources = 80  # source triplets
    config.data.targets = 80  # targets
    config.data.repair = "to_pictures"  # answer columns in another order than the pictures: to_pictures, or none
    config.crop = "simswap"  # the crop of the pictures, written into the model folder

    config.labels = "unanimous"  # unanimous (D2) or majority (D1), for training; evaluation always uses unanimous
    config.fraction = 1.0  # share of the training triplets that is used
    config.split = ConfigDict()
    config.split.by = "ids"  # of sources and targets; or triplets: 80/10/10 at random, sources and targets seen
    config.split.sources = (56, 8, 16)  # source triplets for train, validation, test (ours)
    config.split.targets = (56, 8, 16)  # targets for train, validation, test (ours)
    config.split.seed = 0  # of the division
    config.split.fold = 0  # rotates the test ids for cross-validation

    config.loss = "cosine_triplet"  # Eq. 1; or soft_vote, odd_one_out
    config.margin = 0.1  # of cosine_triplet, in cosine (Eq. 1)
    config.temperature = 0.1  # of soft_vote and odd_one_out, in cosine (ours)
    config.batch_size = 32  # triplets a step, over all devices
    config.learning_rate = 0.01
    config.momentum = 0.9  # of sgd
    config.weight_decay = 5e-4  # added to the gradient
    config.optimizer = ConfigDict()
    config.optimizer.name = "sgd"  # as PyTorch does it; or another one of optax, such as adamw
    config.optimizer.options = ConfigDict()  # of another one, by optax's names
    config.schedule = ConfigDict()
    config.schedule.name = "constant"  # what the learning rate is multiplied with (ours); cosine, step
    config.schedule.warmup = 0  # steps
    config.schedule.boundaries = ()  # of step: steps at which the rate falls
    config.schedule.factor = 0.1  # of step: by this
    config.clip_norm = 0.0  # largest length of all gradients together; 0 = no clipping
    config.rules = ((".*", 1.0),)  # pattern of parameters, factor of their decay or "frozen"; the first match counts
    config.flip = True  # mirror the three pictures of a triplet together, half of the time (ours)
    config.epochs = 40  # passes over the training triplets (ours)
    config.max_steps = 0  # stop after this many steps even if epochs are left; 0 = no such limit

    config.export = "best"  # the state that becomes the model: best on the validation triplets (ours), or last
    config.evaluate_every = 1  # epochs between two validations, each of them followed by a checkpoint
    config.evaluation_batch_size = 64  # triplets
    config.log_every = 10  # steps between two lines of the log
    config.tensorboard = True  # write TensorBoard files too
    config.keep_checkpoints = 2  # the last ones

    config.feed = "disk"  # read ahead; or resident: all pictures on every device (.7 GB at 112 pixels)
    config.workers = 0  # reading processes; 0 = threads
    config.steps_per_call = 1  # steps of one program call, resident only; 0 = up to the next validation
    config.mesh = ConfigDict()
    config.mesh.data = 0  # devices that share one run's batch; 0 = as few as let every device work
    config.mesh.how = "shard_map"  # or pmap, for one run: without the compiler options that make CPUs fast
    config.sweep = sweeps.unswept()  # values to try, by field: config.sweep.seed = (0, 1, 2); needs feed = resident

    config.parts = ("triplets",)  # what evaluate.py does: triplets, groups, selection
    config.groups = ConfigDict()
    config.groups.folder = "data/CelebAMask-HQ"  # as it was downloaded
    config.groups.gallery = 100  # faces of each of the four groups that queries are compared with
    config.groups.queries = 250  # faces of each group that are classified
    config.groups.seed = 0  # of the draw
    config.groups.landmarks = ""  # CSV of five points a face; "" = a fixed crop, less exact
    config.groups.corrections = ""  # CSV of attributes corrected by hand
    config.groups.rule = "confidence_limit"  # distance to a group: or spread_limit, percentile, mean, nearest
    config.groups.factor = 1.96  # f of confidence_limit, mean + f s / sqrt(n), and of spread_limit, mean + f s
    config.selection = ConfigDict()
    config.selection.queries = 1  # shown of each group
    config.selection.candidates = 5  # offered to a query: the least similar faces of its group (ours)
    config.selection.max_similarity = 0.5  # of two faces offered together, where they shall differ (ours)
    config.selection.band = (0.05, 0.5)  # quantiles of similarity: distinct, but not grotesque (ours)
    config.anonymize = ConfigDict()  # parts anonymize and privacy; docs/anonymization.md
    config.anonymize.size = 256  # pixels a side of the square that every face is cut to
    config.anonymize.candidates = 5  # swapped into a query: the least similar faces of its group (ours)
    config.anonymize.false_accept_rate = 1e-3  # of the threshold above which a machine matches
    config.anonymize.band = (-1.0, 1.0)  # perceived similarity of result and original that is asked for
    config.anonymize.prefer = "fidelity"  # of the results that remain: or least_perceived, least_matched (ours)
    config.anonymize.degrees = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the curve; 0 = no change, 1 = full swap
    config.anonymize.references = ("blur", "pixelate", "black_box", "random_swap", "farthest_swap", "chosen_swap")
    config.anonymize.retouch = ()  # skin, light: after every anonymizer, as lines of their own
    config.anonymize.seed = 0  # of the random swap

    match variant:
        case "":
            pass
        case "d1":
            config.labels = "majority"
        case "as_released":
            config.data.repair = "none"
        case "table3":
            config.feed = "resident"
            config.sweep.labels = ("majority", "unanimous")
            config.sweep.split.fold = (0, 1, 2, 3, 4)
            config.sweep.seed = (0, 1, 2)
        case "margins":
            config.feed = "resident"
            config.sweep.margin = (0.05, 0.1, 0.2, 0.4)
            config.sweep.seed = (0, 1, 2)
        case "losses":
            config.feed = "resident"
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
            variants = "d1, as_released, table3, margins, losses, batch_norm, smoke"
            raise ValueError(f"unknown variant {variant!r} of configs/perface_r50.py; it has: {variants}")
    return config
