"""Model folders: what is saved loads again, and an incomplete folder does not open."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax.network import model_folder
from perface_jax.network.model import iresnet
from perface_jax.network.model_folder import load_model, save_model
from tests.conftest import ROOT
from tests.golden import formula

MODEL = iresnet("r18", width=4, image_size=32, embedding_size=16, dtype=jnp.bfloat16, crop="simswap")


@pytest.fixture(scope="module")
def variables():
    return formula.variables(MODEL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, variables):
    path = tmp_path_factory.mktemp("models") / "small"
    save_model(path, MODEL, variables, source={"file": "x.pth"}, license="none")
    return path


def without_hashes(folder, **changed):
    """Makes it a folder from before there were hashes, with other fields."""
    record = json.loads((folder / "model.json").read_text()) | changed
    del record["hashes"]
    (folder / "model.json").write_text(json.dumps(record))


def test_a_model_comes_back_as_it_was(folder, variables):
    model, loaded = load_model(folder)
    assert model == MODEL
    jax.tree.map(np.testing.assert_array_equal, loaded, variables)


@pytest.mark.parametrize("name", ["runs [1]", os.fsdecode(b"caf\xe9"), "margin=0.1,a b%20#"])
def test_the_names_of_its_parents_do_not_matter(folder, tmp_path, name):
    shutil.copytree(folder, tmp_path / name / "small")
    assert load_model(tmp_path / name / "small")[0] == MODEL


def test_a_model_is_saved_below_a_name_that_is_a_pattern(variables, tmp_path):
    save_model(tmp_path / "runs [1]" / "small", MODEL, variables)
    loaded = load_model(tmp_path / "runs [1]" / "small")[1]
    jax.tree.map(np.testing.assert_array_equal, loaded, variables)


def test_model_json_says_what_a_person_wants_to_know(folder):
    record = json.loads((folder / "model.json").read_text())
    wanted = {
        "arch": "r18",
        "width": 4,
        "crop": "simswap",
        "norms": "running",
        "dtype": "bfloat16",
        "source": {"file": "x.pth"},
        "license": "none",
    }
    assert record | wanted == record


def test_folded_norms_are_remembered(tmp_path, variables):
    save_model(tmp_path / "m", MODEL.clone(folded_norms=True), variables)
    assert load_model(tmp_path / "m")[0].folded_norms


def test_a_folder_is_never_overwritten(folder, variables):
    with pytest.raises(FileExistsError, match="never overwritten"):
        save_model(folder, MODEL, variables)


def test_variables_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, variables):
    with pytest.raises(ValueError, match=r"- params/fc/kernel \[128, 24\]\n\+ params/fc/kernel \[128, 16\]"):
        save_model(tmp_path / "m", MODEL.clone(embedding_size=24), variables)
    broken = {**variables, "batch_stats": jax.tree.map(lambda x: x * np.nan, variables["batch_stats"])}
    with pytest.raises(ValueError, match="NaN or Inf in the weights: batch_stats/bn1/mean"):
        save_model(tmp_path / "m", MODEL, broken)
    assert not list(tmp_path.iterdir())


def test_a_place_without_a_model_says_what_is_there(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match=r"(?s)found notes\.txt.*perface convert"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError, match="found nothing"):
        load_model(tmp_path / "nowhere")


def test_weights_of_another_architecture_are_named(folder, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", folder, copy], check=True)
    without_hashes(copy, layers=[2, 2, 2, 1])
    with pytest.raises(ValueError, match=r"\+ params/layer4_1/bn1/bias \[32\]"):
        load_model(copy)


def test_other_formats_and_broken_json_are_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"format": 99}')
    with pytest.raises(ValueError, match="format 99; this version reads format 1"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        load_model(tmp_path)


def test_every_array_has_a_hash_and_a_person_can_recompute_it(folder, variables):
    hashes = json.loads((folder / "model.json").read_text())["hashes"]
    bias = np.asarray(variables["params"]["fc"]["kernel"])
    text = f"float32 {bias.shape}".encode() + bias.astype("<f4").tobytes()
    assert hashes["params/fc/kernel"] == hashlib.sha256(text).hexdigest()[:32]
    others = {"model", "known_answer.npz/images", "known_answer.npz/embeddings"}
    assert len(hashes.keys() - others) == len(jax.tree.leaves(variables)) == len(hashes) - 3


def test_a_folder_without_hashes_loads_all_the_same(folder, variables, tmp_path):
    shutil.copytree(folder, tmp_path / "old")
    without_hashes(tmp_path / "old", dtype="float32")
    (tmp_path / "old" / "known_answer.npz").unlink()
    model, loaded = load_model(tmp_path / "old")
    assert model == MODEL.clone(dtype=jnp.dtype("float32"))
    jax.tree.map(np.testing.assert_array_equal, loaded, variables)
    assert model_folder.recorded_hashes(tmp_path / "old") == {}


def flip(file, bit):
    data = bytearray(file.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    file.write_bytes(data)


def outcome(folder, whole):
    """ "refused" in one line that names the folder, or "unharmed": the same module and the same arrays."""
    try:
        model, variables = load_model(folder)
    except ValueError as error:
        said = str(error)
    else:
        assert model == MODEL
        jax.tree.map(np.testing.assert_array_equal, variables, whole)
        return "unharmed"
    assert "\n" not in said
    assert str(folder) in said
    assert "copy the model folder again" in said
    return "refused"


def flipped(folder, variables, *, bits):
    """For every file of a folder, what became of single bits flipped at places of a seeded generator."""
    random, found = np.random.default_rng(0), {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        whole = file.read_bytes()
        for bit in random.integers(8 * len(whole), size=bits):
            flip(file, int(bit))
            found.setdefault(str(file.relative_to(folder)), []).append(outcome(folder, variables))
            file.write_bytes(whole)
    return found


def test_a_flipped_bit_in_any_file_is_blamed_on_the_folder_or_has_no_effect(folder, variables, tmp_path):
    shutil.copytree(folder, tmp_path / "m")
    found = flipped(tmp_path / "m", variables, bits=1)
    assert len(found) > 10
    assert found["weights/_METADATA"] == found["model.json"] == ["refused"]


@pytest.mark.slow
def test_many_flipped_bits(folder, variables, tmp_path):
    shutil.copytree(folder, tmp_path / "m")
    found = flipped(tmp_path / "m", variables, bits=20)
    arrays = [one for name, all in found.items() if "process_0/d/" in name for one in all]
    assert arrays.count("refused") > 20  # parts of these files are of no use to anybody


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights", "weights is missing: the model folder is incomplete; copy the model folder again"),
        ("weights/ocdbt.process_0", r"is damaged or incomplete \(.*\); copy the model folder again"),
        ("model.json", "model.json is missing: the model folder is incomplete; copy the model folder again"),
        ("known_answer.npz", "has no known answer; copy the model folder again"),
    ],
)
def test_what_is_missing_is_said(folder, tmp_path, name, message):
    shutil.copytree(folder, tmp_path / "m")
    (tmp_path / "m" / name).rename(tmp_path / "lost")
    with pytest.raises((FileNotFoundError, ValueError), match=message):
        load_model(tmp_path / "m")


def test_an_array_that_is_not_the_one_that_was_written_is_named(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "m")
    record = json.loads((tmp_path / "m" / "model.json").read_text())
    record["hashes"]["params/fc/kernel"] = record["hashes"]["params/fc/bias"]
    (tmp_path / "m" / "model.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=r"m is damaged: 1 of \d+ arrays do not have the hash .* \(params/fc/kernel\)"):
        load_model(tmp_path / "m")


def test_truncated_weights_are_blamed_on_the_folder(folder, variables, tmp_path):
    shutil.copytree(folder, tmp_path / "m")
    for file in (tmp_path / "m" / "weights" / "ocdbt.process_0").rglob("d/*"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert outcome(tmp_path / "m", variables) == "refused"


def test_a_valid_value_that_was_not_written_is_refused_but_origin_and_license_may_be_edited(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "m")
    file = tmp_path / "m" / "model.json"
    text = file.read_text()
    file.write_text(text.replace('"license": "none"', '"license": "CC0"'))
    assert load_model(tmp_path / "m")[0] == MODEL
    file.write_text(text.replace('"epsilon": 1e-05', '"epsilon": 1e-04'))
    with pytest.raises(ValueError, match=r"model\.json is damaged or edited: its fields do not have their hash"):
        load_model(tmp_path / "m")


def test_weights_of_an_older_folder_must_be_finite(tmp_path, variables, monkeypatch):
    broken = {**variables, "batch_stats": jax.tree.map(lambda x: x * np.inf, variables["batch_stats"])}
    monkeypatch.setattr(model_folder, "check_variables", lambda *_: None)
    save_model(tmp_path / "m", MODEL, broken)
    without_hashes(tmp_path / "m")
    with pytest.raises(ValueError, match=r"m: NaN or Inf in the weights: batch_stats/bn1/mean, .* and \d+ more; copy"):
        load_model(tmp_path / "m")


def test_an_interrupted_write_leaves_nothing_that_opens_and_does_not_hinder_the_next(tmp_path, variables, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(model_folder, "known_answer", interrupted)  # after the weights, before model.json
    with pytest.raises(KeyboardInterrupt):
        save_model(tmp_path / "m", MODEL, variables)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "m")
    monkeypatch.undo()
    save_model(tmp_path / "m", MODEL, variables)
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


KILLED = """
import sys
from perface_jax.network.model_folder import save_model
from tests.golden import formula
from tests.network.test_model_folder import MODEL
variables = formula.variables(MODEL)
print("ready", flush=True)
save_model(sys.argv[1], MODEL, variables)
print("done", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6])
def test_a_killed_conversion_leaves_a_whole_folder_or_none(tmp_path, delay):
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "m")], stdout=subprocess.PIPE, cwd=ROOT, env=os.environ
    )
    assert child.stdout.readline() == b"ready\n"
    time.sleep(delay)
    child.send_signal(signal.SIGKILL)
    finished = b"done" in child.stdout.read()
    child.wait()
    if (tmp_path / "m").exists():
        load_model(tmp_path / "m")
    else:
        assert not finished
