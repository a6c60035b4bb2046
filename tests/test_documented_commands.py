"""Every command of the documentation: its program, flags and fields exist, and (slow) it runs on small data."""

import pytest

from tests import documents, parsed_commands
from tests.parsed_commands import Unknown

ELSEWHERE = {  # programs that are not ours, and where they run
    ".": "a shell",
    "cd": "a shell",
    "export": "a shell",
    "git": "needs the address of the repository",
    ".venv/bin/pre-commit": "changes the clone",
    ".venv/bin/pip": "pods",
    "pip": "needs a package index",
    "perface_jax": "pods",
    **dict.fromkeys(("on_all", "{", "}", "gcloud", "nohup"), "a TPU pod"),
    **dict.fromkeys(("#!/bin/bash", "srun", "if", "scontrol", "fi", "mpirun"), "a cluster"),
    **dict.fromkeys(("for", "done", "wait"), "tests/training/test_pods.py has two processes"),
}


def of_shell(page):
    """(place, words) of every command in the blocks of a page."""
    return [
        (block.place, words)
        for block in documents.blocks(page)
        if block.language == documents.SHELL
        for words in documents.commands(block.text)
    ]


def _ours(words):
    """Without what starts the program on other machines: `srun .venv/bin/python train.py` -> `python train.py`."""
    scripts = [i for i, word in enumerate(words) if word in ("train.py", "evaluate.py")]
    return ["python", *words[scripts[0] :]] if scripts else words


@pytest.mark.parametrize("page", documents.PAGES, ids=lambda page: page.name)
def test_every_block_names_its_language(page):
    wrong = [block.place for block in documents.blocks(page) if block.language not in documents.LANGUAGES]
    assert not wrong, f"write ```bash, ```python or ```text (for layouts): {wrong}"


@pytest.mark.parametrize("page", documents.PAGES, ids=lambda page: page.name)
def test_every_command_exists_with_its_flags(page, monkeypatch):
    for place, words in of_shell(page):
        words = _ours(words)
        if words[0] not in ELSEWHERE:
            _check(place, words, monkeypatch, whole=True)
    for words in documents.mentions(page):
        if words[0] not in ELSEWHERE:
            _check(page.name, words, monkeypatch, whole=False)


def _check(place, words, monkeypatch, *, whole):
    try:
        parsed_commands.check(words, monkeypatch, whole=whole)
    except (SystemExit, Unknown) as error:
        pytest.fail(f"{place}: `{' '.join(words)}`: {error}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("perface compair a b", "no command 'compair'"),
        ("perface compare a b --modell X", "2"),
        ("python train.py --config=configs/perface_r50.py --workdir=w --config.margn=1", "no field 'margn'"),
        ("python train.py --config=configs/perface_r50.py:none --workdir=w", "unknown variant"),
        ("python -m benchmarks.nothing", "no module benchmarks.nothing"),
        ("make demos", "no target demos"),
        ("make bench PART=layers", "no variable PART"),
        ("python -m pip install -e .[detekt]", "no extra detekt"),
        ("pytest tests/test_nothing.py", "no file"),
        ("tensorboard --logdir runs", "no test knows the program 'tensorboard'"),
    ],
)
def test_a_command_that_does_not_exist_is_found(words, message, monkeypatch):
    with pytest.raises((SystemExit, Unknown), match=message):
        parsed_commands.check(words.split(), monkeypatch, whole=True)


def test_a_mention_is_checked_by_its_flags_alone(monkeypatch):
    parsed_commands.check(["perface", "rank", "--sheet"], monkeypatch, whole=False)
    with pytest.raises(Unknown, match="perface rank has no option --sheets"):
        parsed_commands.check(["perface", "rank", "--sheets"], monkeypatch, whole=False)
    with pytest.raises(Unknown, match="perface evaluate has no option --votestable"):
        parsed_commands.check(["perface", "evaluate", "--votestable=DIR"], monkeypatch, whole=False)
