"""Pictures to vectors: every picture once, and the same numbers on one device and eight."""

import jax
import numpy as np
import pytest

from perface_jax import evaluation, images
from perface_jax.network.model import iresnet
from tests.golden import formula

MODEL = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=16, crop="arcface")


@pytest.fixture(scope="module")
def variables():
    return formula.variables(MODEL)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (11, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def embeddings(variables, pictures):
    return np.asarray(jax.jit(MODEL.apply)(variables, images.normalize(pictures)))


@pytest.mark.parametrize("batch_size", [1, 4, 11, 64])
def test_every_batch_size_gives_the_same_embeddings(variables, pictures, embeddings, batch_size):
    result = evaluation.embed(MODEL, variables, pictures, batch_size=batch_size)
    assert (result.shape, result.dtype) == ((11, 16), np.float32)
    np.testing.assert_allclose(result, embeddings, atol=1e-5)


def test_no_pictures_give_no_rows(variables):
    assert evaluation.embed(MODEL, variables, np.zeros((0, 32, 32, 3), np.uint8)).shape == (0, 16)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 32, 32, 3), np.float32), "uint8"),
        (np.zeros((2, 3, 32, 32), np.uint8), r"\[2, 3, 32, 32\].*channels come last"),
        (np.zeros((32, 32, 3), np.uint8), r"\[32, 32, 3\].*adds an axis"),
        (np.zeros((2, 30, 30, 3), np.uint8), "30"),
    ],
)
def test_pictures_that_break_the_contract_are_refused(variables, bad, message):
    with pytest.raises((TypeError, ValueError), match=message):
        evaluation.embed(MODEL, variables, bad)


def test_eight_devices_and_one_give_the_same_embeddings(variables, pictures, monkeypatch):
    eight = evaluation.embed(MODEL, variables, pictures, batch_size=8)
    monkeypatch.setattr(jax, "local_devices", lambda: jax.devices()[:1])
    np.testing.assert_allclose(evaluation.embed(MODEL, variables, pictures, batch_size=8), eight, atol=1e-6)


def test_items_are_loaded_once_each_and_come_in_order(variables, pictures, embeddings):
    asked = []

    def load(i):
        asked.append(i)
        return pictures[2 * i : 2 * i + 2]

    network = evaluation.Network(MODEL, variables, batch_size=3)
    vectors = network.items([["", ""]] * 5, load)
    assert (sorted(asked), vectors.shape) == ([0, 1, 2, 3, 4], (5, 2, 16))
    np.testing.assert_allclose(vectors, embeddings[:10].reshape(5, 2, 16), atol=1e-5)


def test_a_network_that_gives_no_numbers_is_refused_with_the_pictures(variables, pictures):
    broken = jax.tree.map(lambda x: x * np.float32(np.nan), variables)
    network = evaluation.Network(MODEL, broken, batch_size=8)
    with pytest.raises(ValueError, match="the network: NaN or infinite numbers in the vectors of one, two; 2 in all"):
        network.items([["one", "two"]], lambda i: pictures[:2])


def test_several_processes_embed_their_share_and_all_get_everything(variables, pictures, embeddings, monkeypatch):
    # Two processes in turn: what the first one would send is kept and handed to the second.
    sent = []
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(evaluation.embedding.parallel, "gather_objects", lambda part: [*sent, part])
    network = evaluation.Network(MODEL, variables, batch_size=8)
    monkeypatch.setattr(evaluation.embedding.parallel, "gather_objects", lambda part: sent.append(part) or [part] * 2)
    network.items([[""]] * 4, lambda i: pictures[i : i + 1])
    monkeypatch.setattr(evaluation.embedding.parallel, "gather_objects", lambda part: [sent[0], part])
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    vectors = network.items([[""]] * 4, lambda i: pictures[i : i + 1])
    np.testing.assert_allclose(vectors[:, 0], embeddings[:4], atol=1e-5)
