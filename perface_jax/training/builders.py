"""Builds what a config names: the data with labels and splits, the model with its initial weights, the optimizer.

Training and evaluation both start here, so that a run is evaluated on its own splits. On several hosts the first one
builds a data set while the others wait. Something missing is a FileNotFoundError, something that does not fit the
config a ValueError; the messages say what was wanted.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from etils import epath
from jax.sharding import Mesh
from jaxtyping import Bool, Int
from ml_collections import ConfigDict

from perface_jax import annotations, parallel
from perface_jax.datasets import celeba_hq, identities, sim_celeba, streams
from perface_jax.datasets.streams import Stream
from perface_jax.evaluation.inputs import LabeledTriplets
from perface_jax.network.model import FOLDED, IResNet, iresnet
from perface_jax.network.model_folder import load_model
from perface_jax.training import anonymizers, optim
from perface_jax.training.state import Hyper
from perface_jax.training.step import Loss, Norms


class IdentityData(NamedTuple):
    """Pictures of people: some for training, and pairs of pictures of the other people."""

    people: identities.Identities
    training: Int[np.ndarray, " t"]  # positions of the training pictures
    classes: int  # how many identities these show
    pairs: Int[np.ndarray, "p 2"]  # positions
    same: Bool[np.ndarray, " p"]  # whether a pair shows one identity


def open_triplets(config: ConfigDict) -> sim_celeba.Triplets:
    """The triplets of the release, or of another folder in its layout."""
    data = config.data
    grid = None if data.ids else (data.sources, data.targets)  # the file says which triplets there are
    build = functools.partial(
        sim_celeba.build,
        data.release,
        data.data_dir,
        image_size=config.model.image_size,
        order=data.order,
        block=data.block,
        grid=grid,
        repair=data.repair,
        ids=data.ids,
    )
    return sim_celeba.load(parallel.first_process_first(build))


def divide(triplets: sim_celeba.Triplets, config: ConfigDict, *, training: bool = True) -> LabeledTriplets:
    """Labels and settings of one run. With `training`, ValueError unless there is enough to train on and to validate.

    Without `training`, for embeddings of any model, test triplets are enough.
    """
    votes = annotations.Votes(ids=triplets.ids, votes=triplets.votes)
    split = _split(triplets, config.split, training)
    labels = annotations.unanimous(votes, min_votes=config.min_votes).label  # the paper's D2
    training_labels = labels if config.labels == "unanimous" else _majority(votes, config)  # or D1
    rows = split.rows.get(annotations.Setting.TRAIN, np.empty(0, int))
    rows = rows[training_labels[rows] >= 0]
    if config.fraction < 1:
        kept = round(config.fraction * len(rows))  # one fixed order: a larger fraction contains a smaller one
        rows = np.sort(streams.generator(config.seed, Stream.FRACTION).permutation(rows)[:kept])
    settings = {name: of[labels[of] >= 0] for name, of in split.rows.items()}
    if training:
        _check_training(config, len(rows), len(settings[annotations.Setting.VALIDATION]))
    return LabeledTriplets(triplets, training_labels, labels, rows, settings, split)


def _majority(votes, config):
    """The majority labels; with `labels=votes` a tie counts as a, which a loss on both sides of votes does not see."""
    label = annotations.majority(votes).label
    if config.labels == "majority":
        return label
    if Loss(config.loss) not in (Loss.SOFT_VOTE, Loss.ANNOTATOR_VOTES):
        raise ValueError(
            f"config.labels=votes trains on ties, too, and config.loss={config.loss} needs one answer; wanted"
            " labels=majority, or loss=soft_vote or annotator_votes"
        )
    return np.where((votes.votes >= 0).any(axis=1), np.maximum(label, 0), -1).astype(label.dtype)


def _check_training(config, triplets: int, validation: int) -> None:
    if triplets < config.batch_size:
        raise ValueError(
            f"{triplets} training triplets have a {config.labels} label, fewer than one batch of"
            f" {config.batch_size}; choose a smaller config.batch_size or config.labels=majority"
        )
    if config.export == "best" and not validation:
        raise ValueError(
            f"no validation triplet has a unanimous label of {config.min_votes} votes; give config.split more"
            " validation ids (or config.split.file validation triplets), or set config.export=last, which needs none"
        )


def _split(triplets, options, training):
    by = annotations.SplitBy(options.by)
    if (by is annotations.SplitBy.FILE) != bool(options.file):
        seen = f"config.split.by is {by} and config.split.file {options.file!r}"
        raise ValueError(f"{seen}; wanted split.by=file and the path of a file, or neither")
    if by is annotations.SplitBy.IDS:
        chosen = {name: options[name] for name in ("sources", "targets", "seed", "fold", "validation")}
        return annotations.split(triplets.source_id, triplets.target_id, **chosen)
    if options.fold:
        raise ValueError(f"config.split.fold is {options.fold}; a split by {by} has no folds")
    if by is annotations.SplitBy.TRIPLETS:
        return annotations.random_split(len(triplets), seed=options.seed)
    if options.seed:
        raise ValueError(f"config.split.seed is {options.seed}; a split from a file is not drawn")
    ids = {"source_id": triplets.source_id, "target_id": triplets.target_id}
    return annotations.read_split(options.file, triplets.ids, **ids, others=triplets.absent, training=training)


def open_groups(config: ConfigDict) -> tuple[celeba_hq.Faces, celeba_hq.Faces]:
    """Gallery and queries of the attribute groups."""
    groups = config.groups
    build = functools.partial(
        celeba_hq.build,
        groups.folder,
        config.data.data_dir,
        image_size=config.model.image_size,
        template=config.crop,
        gallery=groups.gallery,
        queries=groups.queries,
        seed=groups.seed,
        landmarks=groups.landmarks or None,
        corrections=groups.corrections or None,
    )
    builder = parallel.first_process_first(build)
    return celeba_hq.load(builder, "gallery"), celeba_hq.load(builder, "query")


def open_identities(config: ConfigDict, *, unseen: str = "validation") -> IdentityData:
    """Read the config's folder, split its identities, and pair pictures of `unseen` ones (`validation` or `test`)."""
    people = identities.read_identities(config.data.folder, image_size=config.model.image_size, crop=config.crop)
    train, *others = identities.split_identities(len(people.names), sizes=config.split.sizes, seed=config.split.seed)
    training = np.flatnonzero(np.isin(people.identity, train))
    paired = np.flatnonzero(np.isin(people.identity, others[("validation", "test").index(unseen)]))
    pairs, same = identities.verification_pairs(
        people.identity, paired, pairs=config.data.pairs, seed=config.split.seed
    )
    return IdentityData(people, training, len(train), pairs, same)


def mesh(config: ConfigDict, replicas: int, devices: Sequence[Any] | None = None) -> Mesh:
    """The mesh of a training on all devices or on the ones given, checked; see `parallel.choose_mesh`.

    Raises:
      ValueError: `config.mesh.data` or a batch does not fit the devices.
    """
    batches = config.batch_size, config.evaluation_batch_size
    alone = config.get("feed") == "disk" or config.mesh.how == parallel.How.PMAP.value  # these serve one replica
    options = {"pictures": 3 if config.task == "triplets" else 1, "data": config.mesh.data, "repeat": not alone}
    made = parallel.choose_mesh(replicas, batches, devices=devices, **options)
    parallel.check_batch_size(config.batch_size, made)
    parallel.check_batch_size(config.evaluation_batch_size, made, name="config.evaluation_batch_size")
    return made


def network(config: ConfigDict) -> IResNet:
    """The model of the config, without weights."""
    options = {**config.model, "dtype": jnp.dtype(config.model.dtype)}
    if not options["layers"]:
        del options["layers"]
    return iresnet(options.pop("arch"), **options)


def starting_point(config: ConfigDict) -> tuple[Any, dict]:
    """The model of the config and the variables before the first step."""
    if config.task == "anonymizer":
        return anonymizers.starting_point(config)
    model = network(config)
    if not config.init:
        # rbg keys: with the default ones, hundreds of generators in one program take minutes to compile.
        return model, _random_weights(jax.random.key(config.seed, impl="rbg"), model=model)
    stored, variables = load_model(epath.Path(config.init))
    shape = ("layers", "width", "image_size", "embedding_size")
    if different := [name for name in shape if getattr(stored, name) != getattr(model, name)]:
        pairs = ((name, getattr(stored, name), getattr(model, name)) for name in different)
        lines = "\n".join(f"- {name} = {there}\n+ {name} = {here}" for name, there, here in pairs)
        raise ValueError(f"{config.init} has another model than config.model (- folder, + config):\n{lines}")
    if config.batch_norm != Norms.FROZEN.value and stored.folded_norms:
        raise ValueError(f"{config.init}: {FOLDED} Set config.batch_norm=frozen, or start from the PyTorch checkpoint.")
    return stored.clone(dtype=model.dtype, remat=model.remat, kernels=model.kernels), variables


@functools.partial(jax.jit, static_argnames="model")
def _random_weights(key, *, model):
    return model.init(key, jnp.zeros((1, model.image_size, model.image_size, 3), model.dtype))


def with_classes(variables: Mapping, config: ConfigDict, classes: int) -> Mapping:
    """The variables with ArcFace's class matrix `[classes, D]` among the parameters; without it if `classes` is 0."""
    if not classes:
        return variables
    dtype = variables["params"]["fc"]["kernel"].dtype
    generator = streams.generator(config.seed, Stream.CLASSES)
    draw = generator.normal(scale=0.01, size=(classes, config.model.embedding_size))
    return {**variables, "params": {**variables["params"], "classes": draw.astype(dtype)}}


def with_annotators(variables: Mapping, config: ConfigDict, annotators: int) -> Mapping:
    """The variables with the annotators' masks `[annotators, D]` among the parameters: all ones to begin with."""
    if not annotators:
        return variables
    dtype = variables["params"]["fc"]["kernel"].dtype
    masks = np.zeros((annotators, config.model.embedding_size), dtype)  # see `annotator_masks.logits`
    return {**variables, "params": {**variables["params"], "annotators": masks}}


def hyper(config: ConfigDict, dtype: jnp.dtype, choices: tuple[Loss, ...] = ()) -> Hyper:
    """The numbers of one run; `choices` are the losses of all runs of the program, if there are several."""
    names = "learning_rate", "momentum", "weight_decay", "margin", "temperature"
    numbers = {name: np.asarray(config.get(name, 1.0), dtype) for name in names}  # identities have no temperature
    return Hyper(**numbers, loss=np.asarray(choices.index(Loss(config.loss)) if choices else 0, np.int32))


def optimizer(config: ConfigDict, params: dict, steps: int) -> Callable[[Hyper], optax.GradientTransformation]:
    """A function that builds a run's optimizer from its numbers; all runs of a sweep share it."""
    name = config.optimizer.name
    if name != "sgd" and len(config.sweep.momentum):
        raise ValueError(f"config.sweep.momentum is for sgd; {name} takes its options from config.optimizer.options")
    schedule = optim.schedule(**config.schedule, steps=max(steps, 1))

    def build(numbers: Hyper) -> optax.GradientTransformation:
        options = {**config.optimizer.options, **({"momentum": numbers.momentum} if name == "sgd" else {})}
        return optim.create(
            params,
            name=name,
            learning_rate=numbers.learning_rate,
            weight_decay=numbers.weight_decay,
            schedule=schedule,
            rules=config.rules,
            clip_norm=config.clip_norm,
            **options,
        )

    return build
