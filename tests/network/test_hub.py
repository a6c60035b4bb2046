"""Models at `hf://org/name`: from the hub's cache, without a network; uploads, as the hub's own client gets them."""

import inspect
import json
import re
import sys
import types

import jax
import numpy as np
import pytest

huggingface_hub = pytest.importorskip("huggingface_hub")  # the core is tested without it
from huggingface_hub import constants, errors  # noqa: E402
from huggingface_hub.utils import filter_repo_objects  # noqa: E402

from perface_jax import commands, extras, selftest  # noqa: E402
from perface_jax.anonymization import embedders  # noqa: E402
from perface_jax.commands import convert, face_files, scale  # noqa: E402
from perface_jax.network import hub, model_card  # noqa: E402
from perface_jax.network.fingerprints import fingerprint  # noqa: E402
from perface_jax.network.model import iresnet  # noqa: E402
from perface_jax.network.model_folder import load_model, save_model  # noqa: E402
from tests import hub_cache  # noqa: E402
from tests.golden import formula  # noqa: E402

MODEL = iresnet(layers=(1, 1, 1, 1), width=4, image_size=32, embedding_size=16, crop="simswap")
LICENSE = "for research only"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "m"
    save_model(path, MODEL, formula.variables(MODEL), source={"file": "x.pth"}, license=LICENSE)
    return path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of a machine without a network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


@pytest.mark.parametrize("address", ["hf://org/small", "hf:/org/small", f"hf://org/small@{hub_cache.COMMIT}"])
def test_a_model_in_the_cache_loads_and_has_its_fingerprint(cache, folder, address):
    snapshot = hub_cache.fill(cache, "org/small", folder)
    model, variables = load_model(address)
    assert model == MODEL
    jax.tree.map(np.testing.assert_array_equal, variables, formula.variables(MODEL))
    assert str(hub.local_folder(address)) == str(snapshot)
    assert fingerprint(hub.local_folder(address)) == fingerprint(folder)


def test_a_revision_has_its_own_name_in_the_cache(cache, folder):
    hub_cache.fill(cache, "org/small", folder, revision="v1.0")
    assert load_model("hf://org/small@v1.0")[0] == MODEL
    with pytest.raises(FileNotFoundError, match="the hub cannot be reached, and the cache of this machine"):
        load_model("hf://org/small")


@pytest.mark.parametrize(
    ("address", "kind", "message"),
    [
        ("hf://org", ValueError, "saw hf://org, wanted hf://org/name or hf://org/name@revision"),
        ("hf://org/name/file", ValueError, "wanted hf://org/name"),
        ("hf://org/bad name", FileNotFoundError, "no model hf://org/bad name: Repo id must"),
        ("hf://org/name", FileNotFoundError, "no model hf://org/name: the hub cannot be reached, and the cache"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_line(cache, address, kind, message):
    with pytest.raises(kind, match=message) as raised:
        load_model(address)
    assert "\n" not in str(raised.value)


def _answered(kind):
    """An error of the hub, with the answer of a server as its client has it."""
    response = types.SimpleNamespace(headers={}, request=None, status_code=404, text="")
    return kind("404 Client Error.\n\nEntry Not Found for url", response=response)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (_answered(errors.RepositoryNotFoundError), "no such repository, or a private one: `hf auth login`"),
        (_answered(errors.GatedRepoError), "access must be asked for on its page; then `hf auth login`"),
        (_answered(errors.RevisionNotFoundError), "no such revision in the repository"),
        (RuntimeError("first line\nsecond"), "first line$"),
    ],
)
def test_errors_of_the_hub_become_one_line(monkeypatch, error, message):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(FileNotFoundError, match=f"^no model hf://org/name: {message}"):
        hub.download("hf://org/name")


def test_a_repository_that_is_no_model_folder_is_refused(cache, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}")
    hub_cache.fill(cache, "org/bert", tmp_path / "other")
    with pytest.raises(FileNotFoundError, match=r"hf://org/bert has no model\.json: it is not a model folder"):
        load_model("hf://org/bert")


def test_without_the_extra_a_command_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.setattr(sys, "argv", ["perface selftest", "hf://org/name"])
    with pytest.raises(SystemExit, match="^2$"):
        commands.call("selftest")
    assert capsys.readouterr().err == (
        'huggingface_hub is not installed; run: python -m pip install "perface_jax[hub]"\n'
    )
    with pytest.raises(extras.MissingExtra):
        save_model("never", MODEL, {}, hub="org/name")


def test_commands_take_an_address_where_they_take_a_folder(cache, folder, capsys, tmp_path, monkeypatch):
    hub_cache.fill(cache, "org/small", folder)
    chosen = types.SimpleNamespace(model="hf://org/small", crop=None, landmarks=None, detector="none")
    assert face_files.open_model(chosen).model == MODEL
    settings = types.SimpleNamespace(evaluation_batch_size=2, crop="arcface")
    assert embedders.open_embedders(settings, None, {"mine": "hf://org/small"}).recognizers["mine"]
    monkeypatch.setattr(selftest, "selftest", lambda folder: selftest.Result(0.0, 0.0, 1.0))
    with pytest.raises(SystemExit, match="^0$"):
        selftest.main(["hf://org/small"])
    with pytest.raises(SystemExit, match="^0$"):
        convert.main(["hf://org/small", "--help"])
    said = capsys.readouterr().out
    assert re.search(r"hf://org/small on .*\n  the folder +whole", said)
    assert "model folder" in said
    (tmp_path / "people.csv").write_text("picture,person\na.jpg,a\nb.jpg,b\n")
    arguments = ["--pictures", str(tmp_path), "--people", str(tmp_path / "people.csv")]
    with pytest.raises(SystemExit, match="^2$"):
        scale.main(["hf://org/small", *arguments])
    assert "`hf download org/small --local-dir DIR` copies the model" in capsys.readouterr().err


class Recorded:
    """The requests of an upload, recorded in the place of being sent; they must suit the hub's own client."""

    def __init__(self, *, has_card=False):
        self.has_card, self.requests = has_card, []

    def __getattr__(self, name):
        signature = inspect.signature(getattr(huggingface_hub.HfApi, name))

        def request(*args, **options):
            signature.bind(self, *args, **options)
            self.requests.append((name, args, options))
            answers = {"file_exists": self.has_card, "upload_folder": types.SimpleNamespace(commit_url="https://hub/1")}
            return answers.get(name)

        return request


def test_an_upload_has_the_folder_and_a_card_and_drops_what_an_earlier_model_left(folder):
    api = Recorded()
    (folder / "notes.txt").touch()
    assert hub.upload(folder, "org/small", api=api) == "https://hub/1"
    (folder / "notes.txt").unlink()
    assert api.requests[0] == ("create_repo", ("org/small",), {"private": True, "exist_ok": True})
    _, _, sent = api.requests[-1]
    assert (sent["repo_id"], sent["folder_path"]) == ("org/small", str(folder))
    there = [*(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()), "notes.txt"]
    taken = set(filter_repo_objects(there, allow_patterns=sent["allow_patterns"]))
    assert taken == {*there} - {"notes.txt"} >= {"README.md", "model.json", "known_answer.npz", "weights/_METADATA"}
    before = ["README.md", "notes.txt", "scale.json", "weights/d/of-an-earlier-model", "weights/manifest.ocdbt"]
    deleted = set(filter_repo_objects(before, allow_patterns=sent["delete_patterns"]))
    assert deleted == {"scale.json", "weights/d/of-an-earlier-model", "weights/manifest.ocdbt"}


def test_the_card_says_license_crop_contract_and_origin(folder):
    record = json.loads((folder / "model.json").read_text())
    card = model_card.model_card(record, "org/small")
    for said in (f"| license | {LICENSE} |", "| crop | simswap |", "RGB from -1 to 1", "| origin | file: x.pth |"):
        assert said in card
    assert 'load_model("hf://org/small")' in card
    metadata = huggingface_hub.ModelCard(card).data
    assert (metadata.license, metadata.library_name) == ("other", "perface_jax")


def test_a_card_that_the_repository_has_stays(tmp_path, folder):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "model.json").write_text((folder / "model.json").read_text())
    hub.upload(tmp_path / "m", "org/small", api=Recorded(has_card=True))
    assert not (tmp_path / "m" / "README.md").exists()


def test_saving_uploads_and_a_failed_upload_leaves_the_folder(tmp_path, monkeypatch):
    uploaded = []
    monkeypatch.setattr(hub, "upload", lambda path, repo: uploaded.append((path.name, repo)))
    variables = formula.variables(MODEL)
    save_model(tmp_path / "a", MODEL, variables, hub="org/small")
    assert uploaded == [("a", "org/small")]
    with pytest.raises(ValueError, match="saw hub='small', wanted org/name"):
        save_model(tmp_path / "b", MODEL, variables, hub="small")
    monkeypatch.undo()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match=r"a was not uploaded to org/small: HF_HUB_OFFLINE is set"):
        hub.upload(tmp_path / "a", "org/small")
    assert json.loads((tmp_path / "a" / "model.json").read_text())["crop"] == "simswap"
