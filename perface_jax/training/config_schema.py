"""What a config may say: the names of its fields, and values that can be seen to be wrong before anything is read."""

import difflib
import math

from ml_collections import ConfigDict

from perface_jax import images, parallel
from perface_jax.anonymization.anonymize import Prefer
from perface_jax.anonymization.baselines import Reference
from perface_jax.groups import Rule
from perface_jax.training import sweeps
from perface_jax.training.step import Loss, Norms
from perface_jax.training.workdir import flat

CHOICES = {
    "batch_norm": tuple(norms.value for norms in Norms),
    "export": ("best", "last"),
    "crop": tuple(images.TEMPLATES),
    "model.dtype": ("float32", "bfloat16", "float64"),
    "mesh.how": tuple(how.value for how in parallel.How),
    "feed": ("disk", "resident"),
    "task": ("triplets", "identities"),
    "loss": tuple(loss.value for loss in Loss),
    "labels": ("unanimous", "majority"),
    "split.by": ("ids", "triplets"),
    "groups.rule": tuple(rule.name.lower() for rule in Rule),
    "anonymize.prefer": tuple(prefer.name.lower() for prefer in Prefer),
}
LISTS = {  # of some of these
    "anonymize.references": tuple(reference.name.lower() for reference in Reference),
    "anonymize.retouch": ("skin", "light"),
}
PARTS = {"triplets": ("triplets", "groups", "selection"), "identities": ("verification",)}  # what can be evaluated
COMMON = (
    "task", "seed", "init", "model.arch", "model.width", "model.image_size", "model.embedding_size", "model.dtype",
    "model.remat", "model.layers", "batch_norm", "crop", "margin", "batch_size", "learning_rate", "momentum",
    "weight_decay", "optimizer.name", "schedule.name", "schedule.warmup", "schedule.boundaries", "schedule.factor",
    "clip_norm", "rules", "flip", "epochs", "max_steps", "export", "evaluate_every", "evaluation_batch_size",
    "log_every", "feed", "workers", "steps_per_call", "mesh.data", "mesh.how", "keep_checkpoints", "tensorboard",
    "parts",
)  # fmt: skip
TASKS = {
    "triplets": (
        "data.release", "data.data_dir", "data.order", "data.block", "data.sources", "data.targets", "data.repair",
        "labels", "fraction", "loss", "temperature", "split.by", "split.sources", "split.targets", "split.seed",
        "split.fold", "groups.folder", "groups.gallery", "groups.queries", "groups.seed", "groups.landmarks",
        "groups.corrections", "groups.rule", "groups.factor", "selection.queries", "selection.candidates",
        "selection.max_similarity", "selection.band", "anonymize.size", "anonymize.candidates",
        "anonymize.false_accept_rate", "anonymize.band", "anonymize.prefer", "anonymize.degrees",
        "anonymize.references", "anonymize.retouch", "anonymize.seed",
    ),
    "identities": ("data.folder", "data.pairs", "split.sizes", "split.seed", "scale"),
}  # fmt: skip


def check(config: ConfigDict) -> None:
    """Refuse what can be seen to be wrong before anything is read or written.

    Raises:
      ValueError: a field with its value and what was wanted; unknown fields with the closest name, and missing ones.
    """
    _check_names(config, flat(config.to_dict()))
    for replica in sweeps.replicas(config):
        _check_values(flat(replica.config.to_dict()))


def _check_values(fields):
    for field, wanted in CHOICES.items():
        if field in fields and (value := fields[field]) not in wanted:
            raise ValueError(f"config.{field} is {value!r}; wanted one of {', '.join(wanted)}")
    for field, wanted in LISTS.items():
        if unknown := [repr(value) for value in fields.get(field, ()) if value not in wanted]:
            raise ValueError(f"config.{field} has {', '.join(unknown)}; wanted some of {', '.join(wanted)}")
    for field in ("batch_size", "evaluation_batch_size", "evaluate_every", "log_every", "keep_checkpoints"):
        if not fields[field] > 0:
            raise ValueError(f"config.{field} is {fields[field]!r}; wanted more than 0")
    for field in ("epochs", "max_steps", "steps_per_call", "clip_norm", "weight_decay", "workers", "mesh.data"):
        if not 0 <= fields[field] < math.inf:
            raise ValueError(f"config.{field} is {fields[field]!r}; wanted at least 0")
    for field in (
        "groups.gallery",
        "groups.queries",
        "selection.queries",
        "selection.candidates",
        "anonymize.size",
        "anonymize.candidates",
    ):
        if field in fields and not fields[field] > 0:
            raise ValueError(f"config.{field} is {fields[field]!r}; wanted more than 0")
    if "selection.band" in fields:
        band = fields["selection.band"]
        if len(band) != 2 or not 0 <= band[0] <= band[1] <= 1:
            raise ValueError(f"config.selection.band is {band!r}; wanted two quantiles, 0 <= low <= high <= 1")
    if "anonymize.band" in fields:
        band = fields["anonymize.band"]
        if len(band) != 2 or not -1 <= band[0] <= band[1] <= 1:
            raise ValueError(f"config.anonymize.band is {band!r}; wanted two similarities, -1 <= low <= high <= 1")
    if wrong := [part for part in fields["parts"] if part not in PARTS[fields["task"]]]:
        raise ValueError(f"config.parts has {', '.join(wrong)}; wanted some of {', '.join(PARTS[fields['task']])}")
    if not 0 < (share := fields.get("fraction", 1)) <= 1:
        raise ValueError(f"config.fraction is {share!r}; wanted a share of the training triplets, in (0, 1]")


def _check_names(config, fields):
    seen = {name for name in fields if not name.startswith(("sweep.", "optimizer.options."))}
    wanted = {*COMMON, *TASKS.get(config.get("task"), TASKS["triplets"])}
    if unknown := sorted(seen - wanted):
        close = [
            f"{name} (close to it: {', '.join(difflib.get_close_matches(name, wanted)) or 'none'})" for name in unknown
        ]
        raise ValueError(f"unknown fields of the config: {'; '.join(close)}")
    if missing := sorted(wanted - seen):
        raise ValueError(f"the config lacks {', '.join(missing)}; configs/perface_r50.py says what they mean")
