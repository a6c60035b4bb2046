"""Every command of the documentation: its program, flags and fields exist, and (slow) it runs on small data."""

import re

import pytest

from tests import documented_sandbox, documents, parsed_commands
from tests.documented_sandbox import sandbox  # noqa: F401
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


@pytest.mark.parametrize("page", documents.PAGES, ids=lambda page: page.name)
def test_every_block_names_its_language(page):
    wrong = [block.place for block in documents.blocks(page) if block.language not in documents.LANGUAGES]
    assert not wrong, f"write ```bash, ```python or ```text (for layouts): {wrong}"


@pytest.mark.parametrize("page", documents.PAGES, ids=lambda page: page.name)
def test_every_command_exists_with_its_flags(page, monkeypatch):
    for place, words in of_shell(page):
        words = parsed_commands.ours(words)
        if words[0] not in ELSEWHERE:
            _check(place, words, monkeypatch, whole=True)
    for words in documents.mentions(page):
        if words[0] not in ELSEWHERE:
            _check(page.name, words, monkeypatch, whole=False)


@pytest.mark.slow  # minutes; the commands have fast tests of their own
@pytest.mark.parametrize("page", documents.PAGES, ids=lambda page: page.name)
def test_every_command_runs_on_small_data(page, sandbox):  # noqa: F811
    said = [(f"{page.name}, a table", words.split()) for words in _examples(page)]
    for place, words in [*of_shell(page), *said]:
        words = parsed_commands.ours(words)
        if words[0] not in ELSEWHERE and not documented_sandbox.why_not(words):
            try:
                documented_sandbox.run(sandbox, words)
            except AssertionError as error:
                pytest.fail(f"{place}: `{' '.join(words)}` failed:\n{error}")


def _examples(page):
    """What is run for the mentions of a page."""
    said = {" ".join(words) for words in documents.mentions(page)}
    return [command for mention, command in documented_sandbox.TABLES.items() if mention in said]


def _check(place, words, monkeypatch, *, whole):
    try:
        parsed_commands.check(words, monkeypatch, whole=whole)
    except (SystemExit, Unknown) as error:
        pytest.fail(f"{place}: `{' '.join(words)}`: {error}")


def test_the_tables_of_the_sandbox_are_about_commands_that_the_pages_have():
    shown = [" ".join(parsed_commands.ours(words)) for page in documents.PAGES for _, words in of_shell(page)]
    said = [" ".join(words) for page in documents.PAGES for words in documents.mentions(page)]
    assert not [words for words in documented_sandbox.TABLES if words not in said]
    run = [*shown, *said, *documented_sandbox.TABLES.values()]
    for table in (documented_sandbox.FEWER, documented_sandbox.NOT_RUN):
        assert not [pattern for pattern in table if not any(re.search(pattern, line) for line in run)]


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
