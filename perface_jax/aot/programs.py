"""The programs of a config, with the shapes of their arguments: what `compiling` compiles. No data and no weights.

Shapes are those of `trainer.train` and `evaluation.Network` for the config, at the size that it names: of triplets all
pictures of the grid, of identities `PICTURES` for each person. A step is one call of one step. The folder that
`config.init` names is not read: weights have the shapes of `config.model`.
"""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from perface_jax import parallel, selection
from perface_jax.aot.topology import Topology
from perface_jax.evaluation import embedding
from perface_jax.network import folding, kernels
from perface_jax.network.variable_shapes import abstract_variables
from perface_jax.training import builders, state, sweeps
from perface_jax.training import programs as training
from perface_jax.training.step import Loss, identity_objective, triplet_objective

NAMES = ("step", "validation", "embedding", "selection")
PICTURES = 16  # of each identity


class Sizes(NamedTuple):
    """What a config does not say: pictures in a batch of embeddings, for each device; and those of a selection."""

    embedding: int = 256
    queries: int = 100
    gallery: int = 100_000  # for each device
    k: int = 100


class Program(NamedTuple):
    """A jitted function and its arguments, as shapes with their places on the devices of the mesh."""

    name: str
    what: str  # how much one call does
    function: Any  # of jax.jit
    arguments: tuple
    mesh: Mesh
    idle: int = 0  # devices of the topology that a training leaves to others


def programs(config: ConfigDict, topology: Topology, names: tuple[str, ...], sizes: Sizes) -> Iterator[Program]:
    """The programs of these names, of `NAMES`.

    Raises:
      ValueError: an unknown name, or a config that cannot run on these devices.
    """
    if unknown := [name for name in names if name not in NAMES]:
        raise ValueError(f"there is no program {', '.join(unknown)}; wanted some of {', '.join(NAMES)}")
    if config.mesh.how != parallel.How.SHARD_MAP.value:
        raise ValueError(f"config.mesh.how is {config.mesh.how}; only programs of shard_map are compiled ahead of time")
    run = _Run(config, topology) if {"step", "validation"} & {*names} else None
    for name in names:
        match name, run:
            case "embedding", _:
                yield _embedding(config, topology, sizes.embedding)
            case "selection", _:
                yield _selection(topology, sizes, config.model.embedding_size)
            case "step", _Run():
                yield run.step()
            case _, _Run():
                yield run.validation()


class _Run:
    """The training of a config: replicas, mesh, network and state, as shapes."""

    def __init__(self, config: ConfigDict, topology: Topology):
        self.replicas = sweeps.replicas(config)
        self.config = self.replicas[0].config
        self.mesh = builders.mesh(config, len(self.replicas), topology.devices)
        self.idle = len(topology.devices) - self.mesh.size
        self.leading = parallel.padded(len(self.replicas), self.mesh)
        if config.task == "anonymizer":
            raise ValueError("config.task is anonymizer; wanted a config that trains an embedding")
        self.identities = config.task == "identities"
        self.losses = () if self.identities else tuple(dict.fromkeys(Loss(one.config.loss) for one in self.replicas))
        if Loss.ANNOTATOR_VOTES in self.losses:
            raise ValueError(
                "config.loss=annotator_votes has a mask for every annotator of the data, which are not read here;"
                " wanted another loss, such as soft_vote"
            )
        self.model = builders.network(config)
        classes = config.split.sizes[0] if self.identities else 0
        variables = builders.with_classes(abstract_variables(self.model), config, classes)
        warmed = config.schedule.warmup + 1  # the length of a run changes no shape
        self.optimizer = builders.optimizer(config, variables["params"], max(config.max_steps, warmed))
        numbers = builders.hyper(self.config, self.model.param_dtype, self.losses)
        begin = functools.partial(state.create, optimizer=self.optimizer(numbers), hyper=numbers)
        self.state = self._place(jax.eval_shape(begin, variables), parallel.STATE, (self.leading,))

    def step(self) -> Program:
        if self.identities:
            objective = functools.partial(identity_objective, scale=self.config.scale)
        else:
            objective = functools.partial(triplet_objective, choices=self.losses)
        function = training.steps(
            self.config, self.mesh, model=self.model, optimizer=self.optimizer, objective=objective
        )
        rows = self.config.batch_size
        arguments = self.state, *self._inputs(rows, training=True)
        return Program("step", self._what(rows), function, arguments, self.mesh, self.idle)

    def validation(self) -> Program:
        rows = self.config.evaluation_batch_size
        function = training.validation(self.config, self.mesh, model=self.model)
        arguments = self.state.variables, *self._inputs(rows, training=False)
        return Program("validation", self._what(rows), function, arguments, self.mesh, self.idle)

    def _what(self, rows):
        replicas = len(self.replicas)
        each = f"{rows} {'pictures' if self.identities else 'triplets'}"
        return f"{replicas} runs of {each} each" if replicas > 1 else each

    def _inputs(self, rows, *, training):
        """A batch and, if all pictures are on the device, these."""
        size, grid = self.config.model.image_size, self.config.data
        of_a_row = 3 if not self.identities else 1 if training else 2
        batch: dict[str, tuple[tuple[int, ...], Any]] = {"weight": ((rows,), np.float32)}
        if self.config.feed == "disk":
            batch["images"] = ((rows, of_a_row, size, size, 3), np.uint8)
            shared = ()
        else:
            batch |= {"pictures": ((rows, of_a_row), np.int32), "flip": ((rows,), np.bool_)}
            pictures = sum(self.config.split.sizes) * PICTURES if self.identities else 3 * grid.sources * grid.targets
            place = parallel.picture_place(self.mesh)
            shared = (jax.ShapeDtypeStruct((pictures, size, size, 3), np.uint8, sharding=place),)
        if not self.identities:
            batch["votes"] = ((rows, 2), np.float32)
        elif training:
            batch["identity"] = ((rows,), np.int32)
        arrays = {name: _array(*one) for name, one in batch.items()}
        return self._place(arrays, parallel.BATCH, (self.leading, 1)), *shared

    def _place(self, tree, spec, leading=()):
        return _placed(tree, NamedSharding(self.mesh, spec), leading)


def _embedding(config: ConfigDict, topology: Topology, batch: int) -> Program:
    """As `evaluation.Network` embeds on the devices of one host."""
    model, mesh = builders.network(config), parallel.make_mesh(devices=topology.host)
    zeros = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), abstract_variables(model))
    device = topology.devices[0]
    folded = folding.fold_norms(model, zeros, platform=kernels.compiled_for([device]))
    weights = _placed(folded, NamedSharding(mesh, parallel.SHARED))
    images = _array((batch * mesh.size, model.image_size, model.image_size, 3), np.uint8)
    arguments = weights, _placed(images, NamedSharding(mesh, parallel.ROWS))
    function = embedding.program(model, True, device)  # pyright: ignore  # hashable
    return Program("embedding", f"{batch} pictures a device", function, arguments, mesh)


def _selection(topology: Topology, sizes: Sizes, dimensions: int) -> Program:
    """The least similar of one device's part of a gallery."""
    mesh = parallel.make_mesh(devices=topology.devices[:1])
    place = NamedSharding(mesh, PartitionSpec())
    arrays = (_array((rows, dimensions), np.float32) for rows in (sizes.queries, sizes.gallery))
    function = jax.jit(functools.partial(selection.least_similar, k=sizes.k))
    what = f"{sizes.k} least similar of {sizes.gallery:,} for {sizes.queries} queries"
    return Program("selection", what, function, tuple(_placed(array, place) for array in arrays), mesh)


def _array(shape, dtype) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, dtype)


def _placed(tree, sharding, leading=()) -> Any:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct((*leading, *x.shape), x.dtype, sharding=sharding), tree)
