"""Files, modules and config fields that the documentation names exist."""

import importlib.util
import re

import pytest

from perface_jax import all_settings
from perface_jax.commands import COMMANDS
from perface_jax.settings import TASKS
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = "perface_jax|converters|configs|benchmarks|tests"

pytestmark = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_every_file_named_exists(page):
    named = set(re.findall(rf"((?:{FOLDERS})/[a-z0-9_/.-]+\.(?:py|json|txt))\b", page.read_text()))
    assert not sorted(name for name in named if not (ROOT / name).exists())


def test_every_module_run_exists(page):
    named = set(re.findall(rf"python -m ((?:{FOLDERS})[\w.]*\w)", page.read_text()))
    assert not sorted(name for name in named if importlib.util.find_spec(name) is None)


def test_every_command_of_perface_exists(page):
    assert not set(re.findall(r"(?:^|`)perface ([a-z]+)", page.read_text(), re.MULTILINE)) - set(COMMANDS)


def test_every_link_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert not sorted(link for link in links if not (page.parent / link).exists())


def test_every_config_field_exists(page):
    known = {name for task in TASKS for name in all_settings.default(task).keys()}
    named = set(re.findall(r"config\.([a-z_]+)", page.read_text()))
    assert not sorted(named - known - {"json"})


def test_no_path_leads_out_of_the_clone(page):
    text = re.sub(r"`~/\.cache[^`]*`", "", page.read_text())
    assert not re.findall(r"(?:^|[\s`=\"'])(?:\.\./\w+|/(?:home|root|work|Users)/\S+|~/\w+)", text)
