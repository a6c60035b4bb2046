"""Model folders on the Hugging Face Hub: `hf://org/name`, or `hf://org/name@revision`. Needs the extra `hub`.

One repository holds one model folder. A download is kept in the hub's own cache (`HF_HOME`) and found there without a
network; `HF_HUB_OFFLINE=1` asks for no newer one. Tokens are those of `hf auth login`.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

from etils import epath

from perface_jax import extras
from perface_jax.network import model_card, model_json

ADDRESS = re.compile(r"hf:/{1,2}(?P<repo>[^/@]+/[^/@]+?)/?(@(?P<revision>[^@]+))?")  # pathlib leaves one of two slashes
WANTED = "wanted hf://org/name or hf://org/name@revision"
FILES = ["model.json", "known_answer.npz", "scale.json", "weights/**"]


def is_address(path: epath.PathLike) -> bool:
    """Whether a model is given by its address on the hub, and not as a folder."""
    return re.match(r"hf:/", os.fspath(path)) is not None


def local_folder(path: epath.PathLike) -> epath.Path:
    """The model folder on this machine: a hub's is downloaded unless the cache has it; of other paths `~` is expanded.

    Raises:
      ValueError: an address that is none; FileNotFoundError: nothing to be had there, and why; MissingExtra.
    """
    return download(path) if is_address(path) else epath.Path(os.path.expanduser(path))


def download(address: epath.PathLike) -> epath.Path:
    """The folder of a model on the hub, in the cache of this machine. Raises as `local_folder`."""
    given = os.fspath(address)
    if (found := ADDRESS.fullmatch(given)) is None:
        raise ValueError(f"saw {given}, {WANTED}")
    with extras.explained():
        import huggingface_hub
    with _one_line(f"no model {given}", FileNotFoundError):
        folder = huggingface_hub.snapshot_download(
            found["repo"], revision=found["revision"], allow_patterns=FILES, library_name="perface_jax"
        )
    if not (epath.Path(folder) / model_json.NAME).exists():
        raise FileNotFoundError(f"{given} has no model.json: it is not a model folder of perface_jax")
    return epath.Path(folder)


def check_upload(repo: str) -> None:
    """Refuse, before any work, a repository that cannot be written to: its name is none, or the extra is missing.

    Raises:
      ValueError: the name; MissingExtra: huggingface_hub is not installed.
    """
    if ADDRESS.fullmatch(f"hf://{repo}") is None or "@" in repo:
        raise ValueError(f"saw hub={repo!r}, wanted org/name")
    with extras.explained():
        import huggingface_hub.utils  # no attribute of huggingface_hub before it is imported
    huggingface_hub.utils.validate_repo_id(repo)


def upload(folder: epath.PathLike, repo: str, *, private: bool = True, api: Any = None) -> str:
    """Upload a model folder, also one that is there already, as one commit; returns the address of the commit.

    Args:
      folder: on this machine.
      repo: `org/name`; created if there is none. Files of an earlier model in it are deleted.
      private: of a new repository: only its owners see it. Weights carry licenses; publish where they allow it.
      api: a `huggingface_hub.HfApi`, for another endpoint or token.

    Raises:
      ValueError: no model folder, or no name of a repository; OSError: the upload failed, and why; MissingExtra.
    """
    check_upload(repo)
    import huggingface_hub

    folder = epath.Path(folder)
    record = model_json.read(folder / model_json.NAME)
    api = api or huggingface_hub.HfApi(library_name="perface_jax")
    with _one_line(f"{folder} was not uploaded to {repo}", OSError):
        api.create_repo(repo, private=private, exist_ok=True)
        card = folder / model_card.NAME
        if not card.exists() and not api.file_exists(repo, model_card.NAME):  # one that a person edited stays
            card.write_text(model_card.model_card(record, repo))
        return api.upload_folder(
            repo_id=repo,
            folder_path=os.fspath(folder),
            allow_patterns=[*FILES, model_card.NAME],
            delete_patterns=["weights/**", "scale.json"],
            commit_message=f"Model folder, {record['written_by']}",
        ).commit_url


@contextlib.contextmanager
def _one_line(what: str, kind: type[OSError]) -> Iterator[None]:
    """What the hub or the network raise becomes one line."""
    from huggingface_hub import errors

    reasons = {  # the first that fits
        errors.GatedRepoError: "access must be asked for on its page; then `hf auth login`",
        errors.RepositoryNotFoundError: "no such repository, or a private one: `hf auth login`",
        errors.RevisionNotFoundError: "no such revision in the repository",
        errors.LocalEntryNotFoundError: "the hub cannot be reached, and the cache of this machine does not have it",
        errors.OfflineModeIsEnabled: "HF_HUB_OFFLINE is set",
    }
    try:
        yield
    except Exception as error:  # of httpx or requests, and those of the hub
        known = next((reason for one, reason in reasons.items() if isinstance(error, one)), None)
        first = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise kind(f"{what}: {known or first[:160]}") from error
