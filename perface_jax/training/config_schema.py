"""The settings of training: one row for every config field that `trainer.train` reads.

Values that the paper does not give are marked (ours).
"""

from ml_collections import ConfigDict

from perface_jax import images, parallel, settings
from perface_jax.annotations import SplitBy, Validation
from perface_jax.generator.heat_maps import Points
from perface_jax.network.kernels import Kernels
from perface_jax.settings import (
    AT_LEAST_0,
    POSITIVE,
    Change,
    Check,
    Field,
    anonymizer_only,
    embedding_only,
    identities_only,
    one_of,
    triplets_only,
)
from perface_jax.training.step import Loss, Norms

FREE, LONGER = Change.FREE, Change.LONGER


def _values(choices):
    return one_of([choice.value for choice in choices])


ROWS = (
    Field("task", "triplets", "what to learn: perception (triplets), a recognizer (identities) or an anonymizer"),
    Field("seed", 0, "seed of random weights, data order and flips", swept=True),
    Field("init", "models/arcface_r50", 'model folder to start from; "" = random weights'),

    embedding_only("model.arch", "r50", "architecture: r18, r34, r50, r100 or r200"),
    Field("model.width", 64, "channels of the first stage"),
    Field("model.image_size", 112, "side of the input in pixels"),
    embedding_only("model.embedding_size", 512, "dimensions of an embedding, D"),
    Field("model.dtype", "float32", "of convolutions and activations", one_of(("float32", "bfloat16", "float64"))),
    embedding_only("model.remat", False, "recompute activations in the backward pass: less memory, more work"),
    embedding_only("model.kernels", "auto", "auto, or plain XLA (xla), which has forward-mode derivatives",
                   _values(Kernels)),
    embedding_only("model.layers", (), "blocks in each of the four stages; () = those of model.arch"),
    Field("precision", "default", "of float32 products: default (bfloat16 on TPUs, TF32 on GPUs), high, or highest: all"
          " bits", one_of(("default", "high", "highest"))),
    embedding_only("batch_norm", "global", "statistics of the batch (ours), of a device's rows, or frozen",
                   _values(Norms)),

    triplets_only("data.release", "data/SimCelebA", "folder with triplet/ and triplet_answers.csv", change=FREE),
    triplets_only("data.data_dir", "data/tfds", "folder for the data set built from the release", change=FREE),
    triplets_only("data.order", "auto", "row order: auto (from the pictures) or a kind of annotations.grid_order"),
    triplets_only("data.block", 10, "group size, if data.order names a grouped kind"),
    triplets_only("data.sources", 80, "number of source triplets in the grid"),
    triplets_only("data.targets", 80, "number of targets in the grid"),
    triplets_only("data.ids", "", 'CSV of tripletId,source,target in place of order and grid; "" = none', change=FREE),
    triplets_only("data.repair", "to_pictures", "answer columns in another row order: move to_pictures, or none"),
    identities_only("data.folder", "data/identities", "folder with one sub-folder of pictures per identity"),
    identities_only("data.pairs", 2000, "validation pairs of pictures; half show one identity"),
    embedding_only("crop", "simswap", "crop of the pictures, recorded in the model folder", one_of(images.TEMPLATES)),

    anonymizer_only("data.folder", "data/faces/celeba_hq/CelebA-HQ-img", "folder of faces"),
    anonymizer_only("data.landmarks", "data/faces/celeba_hq/truth/truth.npz", "their landmarks, dense or five"),
    anonymizer_only("data.held_out", 100, "faces for validation", POSITIVE),
    anonymizer_only("generator.landmarks", "dense", "landmarks that the generator sees", _values(Points)),
    anonymizer_only("generator.recognizer", "runs/arcface_synthetic/model", 'folder of the recognizer that must not'
                    ' match results; "" = none'),
    anonymizer_only("generator.perceptual", "", 'folder of a PerFace model to which results look alike; "" = none'),
    anonymizer_only("generator.reconstruction", 10.0, "factor of the loss outside of the face (ours)", AT_LEAST_0),
    anonymizer_only("generator.adversarial", 0.1, "factor of the hinge loss (ours); 0 = none", AT_LEAST_0),
    anonymizer_only("generator.r1", 1.0, "factor of the penalty on the discriminator (ours)", AT_LEAST_0),
    anonymizer_only("generator.regions", 10.0, "factor of PerceptFace's loss by regions (ours)", AT_LEAST_0),
    anonymizer_only("generator.privacy", 1.0, "factor of max(epsilon, cosine) (ours)", AT_LEAST_0),
    anonymizer_only("generator.perceived", 0.0, "factor of the distance under the PerFace model", AT_LEAST_0),
    anonymizer_only("generator.epsilon", 0.0, "cosine below which results are private enough (ours)",
                    Check("in [-1, 1]", lambda value: -1 <= value <= 1)),

    triplets_only("labels", "unanimous", "unanimous (D2), majority (D1), or votes (with ties); evaluation uses"
                  " unanimous", one_of(("unanimous", "majority", "votes")),
                  swept=True),
    triplets_only("min_votes", 3, "votes that a unanimous label needs", POSITIVE),
    triplets_only("fraction", 1.0, "share of the training triplets to use",
                  Check("a share of the training triplets, in (0, 1]", lambda value: 0 < value <= 1), swept=True),
    triplets_only("split.by", "ids", "ids: test ids are unseen; file: from split.file; triplets: random, 80/10/10",
                  _values(SplitBy)),
    triplets_only("split.file", "", 'CSV of tripletId,setting (train, validation, i, ii, iii, test); "" = none',
                  change=FREE),
    triplets_only("split.sources", (56, 8, 16), "source triplets for train, validation, test (ours)"),
    triplets_only("split.targets", (56, 8, 16), "targets for train, validation, test (ours)"),
    triplets_only("split.validation", "non_test_targets", "targets that validation uses (ours); both_unseen: validation"
                  " targets only", _values(Validation)),
    triplets_only("split.fold", 0, "fold of cross-validation: rotates the test ids", swept=True),
    identities_only("split.sizes", (600, 50, 50), "identities for train, validation, test"),
    Field("split.seed", 0, "seed of the split, and of the pairs of pictures", swept=True),

    triplets_only("loss", "cosine_triplet", "Eq. 1 of the paper, or a loss on votes", _values(Loss), swept=True),
    triplets_only("margin", 0.1, "margin of cosine_triplet, in cosine (Eq. 1)", swept=True),
    triplets_only("temperature", 0.1, "of soft_vote, odd_one_out and annotator_votes, in units of cosine (ours)",
                  swept=True),
    triplets_only("annotator_sd", 0.5, "of annotator_votes: how much the logits of masks vary between people (ours)",
                  POSITIVE),
    identities_only("margin", 0.3, "margin of ArcFace, in radians; 0.5 suits larger networks (ours)", swept=True),
    identities_only("scale", 32.0, "factor of the cosines in ArcFace; 64 suits more identities (ours)"),
    Field("batch_size", 32, "triplets or pictures per step, all devices", POSITIVE),
    Field("learning_rate", 0.01, "learning rate before the schedule", swept=True),
    Field("momentum", 0.9, "momentum of sgd", swept=True),
    Field("weight_decay", 5e-4, "added to the gradient, unless the optimizer has its own", AT_LEAST_0, swept=True),
    Field("optimizer.name", "sgd", "sgd as in PyTorch, or another optimizer of optax, such as adamw"),
    Field("optimizer.options", {}, "options of the optimizer, by optax's names"),
    Field("schedule.name", "constant", "factor of the learning rate at each step: constant (ours), cosine or step"),
    Field("schedule.warmup", 0, "steps of linear warm-up"),
    Field("schedule.boundaries", (), "for step: the steps at which the rate falls"),
    Field("schedule.factor", 0.1, "for step: the rate falls by this factor"),
    Field("clip_norm", 0.0, "largest norm of the whole gradient; 0 = no clipping", AT_LEAST_0),
    Field("rules", ((".*", 1.0),), 'pattern of paths, factor of the weight decay or "frozen"; the first match counts'),
    Field("flip", True, "mirror half of the rows, all pictures of a row alike (ours)"),
    Field("epochs", 40, "passes over the training rows (ours)", AT_LEAST_0, LONGER),
    Field("max_steps", 0, "stop after this many steps, even if epochs are left; 0 = no limit", AT_LEAST_0, LONGER),

    Field("export", "best", "state that becomes the model: best validation (ours) or last", one_of(("best", "last"))),
    Field("evaluate_every", 1, "epochs between validations, each followed by a checkpoint", POSITIVE),
    Field("evaluation_batch_size", 64, "triplets (or pairs) per validation step", POSITIVE, FREE),
    Field("log_every", 10, "steps between log lines", POSITIVE, FREE),
    Field("tensorboard", True, "write TensorBoard files too", change=FREE),
    Field("keep_checkpoints", 2, "number of latest checkpoints to keep", POSITIVE, FREE),

    embedding_only("feed", "disk", "read pictures ahead, or keep all on every device (0.7 GB at 112 pixels)",
          one_of(("disk", "on_device"), former=("resident",)), FREE),  # resident: until version 2
    Field("workers", 0, "reading processes; 0 = threads", AT_LEAST_0, FREE),
    Field("steps_per_call", 1, "steps per program call; 0 = until validation (on_device only)", AT_LEAST_0, FREE),
    Field("mesh.data", 0, "devices of a run; 0 = chosen by cost", AT_LEAST_0, FREE),
    Field("mesh.how", "shard_map", "or pmap (legacy): one run only, slower on CPUs",
          _values(parallel.How), FREE),
)  # fmt: skip
FILES = ("data.ids", "split.file")  # the path may change; a run records a digest of the contents
MOVED = ("init", "data.folder")  # no digest: an evaluation accepts another path, with a warning
ADDED = {  # fields that workdirs of version 0.1 lack, with the values those runs used
    "model.kernels": "auto",
    "data.ids": "",
    "min_votes": 2,
    "split.file": "",
    "split.validation": "both_unseen",
    "annotator_sd": 0.5,
    "precision": "default",
}
SWEPT = tuple(dict.fromkeys(row.name for row in ROWS if row.swept))
UNSWEPT = settings.nested({"combine": "grid", **dict.fromkeys(SWEPT, ())})
FIELDS = (
    *ROWS,
    Field("sweep", UNSWEPT, "values to try, by field: config.sweep.seed = (0, 1, 2); needs config.feed = on_device"),
)


def check(config: ConfigDict) -> None:
    """Raise a ValueError if a setting of training is missing or wrong; `sweeps.replicas` checks those of a sweep."""
    settings.check(config, FIELDS)


def change(name: str) -> Change | None:
    """Whether the field of this name may differ between two starts of a run; None if training does not read it."""
    if name in map(digest_name, FILES):
        return Change.REFUSED
    return next((field.change for field in FIELDS if field.covers(name)), None)


def digest_name(field: str) -> str:
    """The name under which a run records the digest of the file that a field of `FILES` names."""
    return f"{field}_sha256"
