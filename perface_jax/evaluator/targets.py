"""The models to evaluate: those of a run before and after training, or embeddings from a file."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from etils import epath
from ml_collections import ConfigDict

from perface_jax import evaluation
from perface_jax.evaluation import Role, settings
from perface_jax.network.model_folder import load_model
from perface_jax.training import builders, config_schema, sweeps, trainer
from perface_jax.training import workdir as workdirs


class Model(NamedTuple):
    """A model to evaluate, and its printed name; models of one `identity` (weights or file) are evaluated once."""

    name: str
    identity: str
    open: Callable[[], evaluation.Embedder]


class EvaluationTarget(NamedTuple):
    """The models of each replica of a config; `config.parts` says on what to evaluate them.

    Either `workdir` (of a run) or `vectors` (from a file) is None. `compare` is another workdir or file, "" for none;
    `votes_table` is a folder for tables of votes, "" for none. `moved` has, by field, the paths (recorded, now) that
    were given again and have no digest of their contents.
    """

    config: ConfigDict
    replicas: tuple[sweeps.Replica, ...]
    models: Sequence[Mapping[Role, Model]]
    workdir: epath.Path | None
    vectors: evaluation.Vectors | None
    compare: str
    votes_table: str = ""
    moved: Mapping[str, tuple] = {}


def open_run(config: ConfigDict, workdir: epath.PathLike, *, compare: str = "") -> EvaluationTarget:
    """A finished run, before and after training. FileNotFoundError: not finished; ValueError: another run's workdir."""
    settings.check(config)
    config, folder = workdirs.of_run(config, workdir), epath.Path(workdir)
    replicas = sweeps.replicas(config)
    changed = workdirs.refuse_other_run(folder, workdirs.record(config), moved=config_schema.MOVED)
    folders = [trainer.model_folder(folder, replica) for replica in replicas]
    if missing := [one for one in folders if not one.exists()]:
        raise FileNotFoundError(f"{folder} holds no finished run: train.py writes {missing[0]} when it is done")
    models = [_of_run(replica.config, one) for replica, one in zip(replicas, folders, strict=True)]
    moved = {name: pair for name, pair in changed.items() if name in config_schema.MOVED}
    return EvaluationTarget(config, replicas, models, folder, None, compare, moved=moved)


def open_vectors(config: ConfigDict, file: epath.PathLike, *, compare: str = "") -> EvaluationTarget:
    """Embeddings from any model, on the data and the splits of a config of triplets; see `evaluation.read_vectors`."""
    settings.check(config)
    if config.task != "triplets":
        raise ValueError(f"embeddings are evaluated on triplets and groups; this config has the task {config.task}")
    vectors, replicas = evaluation.read_vectors(file), sweeps.replicas(config)
    model = Model(pathlib.PurePath(file).stem, str(file), lambda: vectors)
    return EvaluationTarget(config, replicas, [{Role.EXTERNAL: model}] * len(replicas), None, vectors, compare)


def _of_run(config, folder):
    size = config.evaluation_batch_size
    start = Model(
        name="before",
        identity=config.init or f"random weights, seed {config.seed}",
        open=lambda: evaluation.Network(*builders.starting_point(config), batch_size=size),
    )
    trained = Model(
        name="after",
        identity=str(folder),
        open=lambda: evaluation.Network(*load_model(folder), batch_size=size),
    )
    return {Role.START: start, Role.TRAINED: trained}
