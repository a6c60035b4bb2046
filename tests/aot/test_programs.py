"""The programs of a config: shapes, places, and export for every platform."""

import jax
import numpy as np
import pytest

from configs import arcface_synthetic, perface_r50
from perface_jax.aot import programs
from perface_jax.aot.chips import CHIPS
from perface_jax.aot.programs import Sizes
from perface_jax.aot.topology import Topology

PLATFORMS = ("cpu", "cuda", "tpu")
SIZES = Sizes(embedding=2, queries=2, gallery=300, k=3)


def thin(config):
    """The config with one block and pictures of 16 pixels, on the device."""
    config.init, config.model.layers, config.feed = "", (1, 0, 0, 0), "on_device"
    config.model.width, config.model.image_size, config.model.embedding_size = 4, 16, 4
    config.batch_size = config.evaluation_batch_size = 4
    return config


def here(count):
    devices = tuple(jax.devices()[:count])
    return Topology("cpu", CHIPS["v5e"], devices, devices)


def made(config, count, names=programs.NAMES):
    return {one.name: one for one in programs.programs(config, here(count), names, SIZES)}


def test_every_program_exports_for_every_platform():
    config = thin(perface_r50.get_config())
    config.sweep.margin = (0.1, 0.2)
    for program in made(config, 4).values():
        exported = jax.export.export(program.function, platforms=PLATFORMS)(*program.arguments)
        assert exported.platforms == PLATFORMS
        assert exported.nr_devices == program.mesh.size


def test_shapes_are_those_of_a_sweep_and_of_its_mesh():
    config = thin(perface_r50.get_config("table3"))
    found = made(config, 4, ("step", "validation"))
    state, batch, pictures = found["step"].arguments
    assert dict(found["step"].mesh.shape) == {"replica": 4, "data": 1}  # 30 runs in four groups, 8 in turn
    assert found["step"].what == "30 runs of 4 triplets each"
    assert state.step.shape == (32,)
    assert batch["pictures"].shape == (32, 1, 4, 3)
    assert pictures.shape == (3 * 80 * 80, 16, 16, 3)
    assert (pictures.dtype, pictures.sharding.spec) == (np.uint8, jax.sharding.PartitionSpec())
    assert found["validation"].arguments[0].keys() == {"params", "batch_stats", "constants"}


def test_a_run_leaves_devices_idle_that_would_not_make_it_faster():
    found = made(thin(perface_r50.get_config()), 4, ("step", "embedding"))
    assert (found["step"].mesh.size, found["step"].idle) == (1, 3)
    assert (found["embedding"].mesh.size, found["embedding"].idle) == (4, 0)


def test_pictures_from_disk_come_with_the_batch():
    config = thin(perface_r50.get_config())
    config.feed = "disk"
    _, batch = made(config, 1, ("step",))["step"].arguments
    assert batch["images"].shape == (1, 1, 4, 3, 16, 16, 3)


def test_identities_have_classes_and_validate_pairs():
    found = made(thin(arcface_synthetic.get_config()), 1, ("step", "validation"))
    state, batch, pictures = found["step"].arguments
    assert state.params["classes"].shape == (1, 600, 4)
    assert batch["pictures"].shape == (1, 1, 4, 1)
    assert pictures.shape[0] == (600 + 50 + 50) * programs.PICTURES
    assert found["validation"].arguments[1]["pictures"].shape == (1, 1, 4, 2)
    jax.eval_shape(found["step"].function, *found["step"].arguments)
    jax.eval_shape(found["validation"].function, *found["validation"].arguments)


def test_embeddings_take_a_batch_for_each_device_of_a_host():
    found = made(thin(perface_r50.get_config()), 2, ("embedding",))["embedding"]
    assert found.arguments[1].shape == (4, 16, 16, 3)
    assert found.what == "2 pictures a device"


def test_what_cannot_be_compiled_is_refused():
    config = thin(perface_r50.get_config())
    with pytest.raises(ValueError, match="no program stepp; wanted some of step, validation, embedding, selection"):
        made(config, 1, ("stepp",))
    config.batch_size, config.mesh.data = 3, 2
    with pytest.raises(ValueError, match="a batch of 3 cannot be divided over 2 devices"):
        made(config, 2, ("step",))
    config.mesh.how = "pmap"
    with pytest.raises(ValueError, match="config.mesh.how is pmap"):
        made(config, 1, ("step",))
