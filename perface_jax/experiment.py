"""What a config stands for: its data with labels and settings, its model with the weights it starts from.

`trainer` and `evaluate.py` both begin here, so that a run is evaluated on exactly what it was trained on.
"""

import operator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from etils import epath
from ml_collections import ConfigDict

from perface_jax import annotations, images
from perface_jax.datasets import sim_celeba
from perface_jax.model import FOLDED, IResNet, iresnet
from perface_jax.model_folder import load_model

LABELS = {"unanimous": annotations.unanimous, "majority": annotations.majority}  # the paper's D2 and D1


class Data(NamedTuple):
    """Triplets, their labels, and which of them belong to which setting.

    Attributes:
      triplets: pictures, votes and ids; T triplets.
      training_labels: int8 `[T]`, 0 = a is closer, 1 = b, -1 = not trained on.
      labels: int8 `[T]`, unanimous, for every evaluation; -1 = not evaluated.
      training: positions of the training triplets that have a training label.
      settings: by name, positions of the triplets that have an evaluation label.
    """

    triplets: sim_celeba.Triplets
    training_labels: np.ndarray
    labels: np.ndarray
    training: np.ndarray
    settings: dict[str, np.ndarray]


def check(config: ConfigDict) -> None:
    """Refuse what can be seen to be wrong before anything is read or written.

    Raises:
      ValueError: a field with its value and what was wanted.
    """
    choices = {
        "batch_norm": ("train", "frozen"),
        "labels": tuple(LABELS),
        "export": ("best", "last"),
        "crop": tuple(images.TEMPLATES),
        "model.dtype": ("float32", "bfloat16", "float64"),
    }
    for field, wanted in choices.items():
        if (value := operator.attrgetter(field)(config)) not in wanted:
            raise ValueError(f"config.{field} is {value!r}; wanted one of {', '.join(wanted)}")
    for field in ("batch_size", "evaluation_batch_size", "evaluate_every", "log_every", "epochs"):
        if not config[field] > 0:
            raise ValueError(f"config.{field} is {config[field]!r}; wanted more than 0")


def open_data(config: ConfigDict) -> Data:
    """Build the data set of the config, or take the one that is built, and divide it.

    Raises:
      ValueError: fewer training triplets than a batch, or no validation triplet.
      FileNotFoundError: the release folder is not there; the message says how to get one.
    """
    data = config.data
    builder = sim_celeba.build(
        data.release,
        data.data_dir,
        image_size=config.model.image_size,
        order=data.order,
        block=data.block,
        grid=(data.sources, data.targets),
        repair=data.repair,
    )
    triplets = sim_celeba.load(builder)
    votes = annotations.Votes(ids=triplets.ids, votes=triplets.votes)
    division = annotations.split(triplets.source_id, triplets.target_id, **config.split)
    training_labels, labels = LABELS[config.labels](votes).label, annotations.unanimous(votes).label
    training = division.rows["train"]
    training = training[training_labels[training] >= 0]
    if len(training) < config.batch_size:
        raise ValueError(
            f"{len(training)} training triplets have a {config.labels} label, fewer than one batch of"
            f" {config.batch_size}; choose a smaller config.batch_size or config.labels=majority"
        )
    settings = {name: rows[labels[rows] >= 0] for name, rows in division.rows.items()}
    if not len(settings["validation"]):
        raise ValueError("no validation triplet has a unanimous label; give config.split more validation ids")
    return Data(triplets, training_labels, labels, training, settings)


def starting_point(config: ConfigDict) -> tuple[IResNet, dict]:
    """The model of the config and the variables before the first step.

    Raises:
      FileNotFoundError: `config.init` is no model folder; the message says how to make one.
      ValueError: the folder holds another architecture than `config.model`, or norms that cannot be trained.
    """
    options = {**config.model, "dtype": jnp.dtype(config.model.dtype)}
    model = iresnet(options.pop("arch"), **options)
    if not config.init:
        pictures = jnp.zeros((1, model.image_size, model.image_size, 3), model.dtype)
        # rbg keys: the default ones take minutes to compile here, hundreds of generators in one program.
        return model, jax.jit(model.init)(jax.random.key(config.seed, impl="rbg"), pictures)
    stored, variables = load_model(epath.Path(config.init))
    shape = ("layers", "width", "image_size", "embedding_size")
    if different := [name for name in shape if getattr(stored, name) != getattr(model, name)]:
        pairs = ((name, getattr(stored, name), getattr(model, name)) for name in different)
        lines = "\n".join(f"- {name} = {there}\n+ {name} = {here}" for name, there, here in pairs)
        raise ValueError(f"{config.init} holds another model than config.model says (- folder, + config):\n{lines}")
    if config.batch_norm == "train" and stored.folded_norms:
        raise ValueError(f"{config.init}: {FOLDED} Set config.batch_norm=frozen, or start from the PyTorch checkpoint.")
    return stored.clone(dtype=model.dtype, remat=model.remat), variables
