"""The imports keep to the table in docs/architecture.md, and the public surface to its rules."""

import ast
import inspect
import pathlib
import re
import tomllib

import pytest

import perface_jax
from perface_jax import classification, fidelity, groups, images, losses, metrics, naturalness, privacy, selection, swap
from perface_jax.anonymization import anonymize
from tests.conftest import ROOT

LEAVES = {
    "argument_parser",
    "arrays",
    "disk_space",
    "memory",
    "outputs",
    "plain_paths",
    "precision",
    "extras",
    "files",
    "formatting",
    "progress_bar",
}  # every room may import them
FORWARDERS = {  # for `python -m`
    ROOT / "perface_jax" / name
    for name in ("datasets/synthetic.py", "datasets/synthetic_identities.py", "statistics/__main__.py")
}


def _room(path: pathlib.Path) -> str:
    """`perface_jax/datasets/batches.py` -> `datasets`, `converters/keys.py` -> `converters`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[1] if parts[0] == "perface_jax" else parts[0]


def _imports(path: pathlib.Path) -> set[str]:
    """Every module a file names in an import, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def _rows() -> list[tuple[set[str], set[str]]]:
    """The table of docs/architecture.md: (rooms, rooms that they may import), from top to bottom."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    table, above = [], set()
    for row in re.findall(r"^\| (`.*?) \| (.*?) \|$", text, re.MULTILINE):
        rooms, wanted = (set(re.findall(r"`(\w+)`", cell)) for cell in row)
        table.append((rooms, set(above) if "everything" in row[1] else wanted))
        above |= rooms
    return table


def _allowed() -> dict[str, set[str]]:
    return {room: wanted for rooms, wanted in _rows() for room in rooms}


def _circle(arrows: dict[str, set[str]]) -> list[str]:
    """Nodes that cannot be put in an order."""
    left = dict(arrows)
    while free := [node for node, to in left.items() if not to & left.keys() - {node}]:
        for node in free:
            del left[node]
    return sorted(left)


FILES = sorted(path for folder in ("perface_jax", "converters", "configs") for path in (ROOT / folder).rglob("*.py"))


def test_every_room_stands_in_the_table():
    assert {_room(path) for path in FILES} - {"__init__", "_version"} == set(_allowed())


def test_the_table_is_an_order_so_that_no_arrow_goes_up_and_rooms_have_no_circle():
    above = set()
    for rooms, wanted in _rows():
        assert wanted <= above, f"{rooms} may import rooms of rows above only, not {wanted - above}"
        above |= rooms


@pytest.mark.parametrize("room", sorted(_allowed()))
def test_files_of_a_room_have_no_circle(room):
    files = [
        path
        for path in (ROOT / "perface_jax" / room).glob("*.py")
        if path.name != "__init__.py" and path not in FORWARDERS
    ]
    modules = {f"perface_jax.{room}.{path.stem}": path for path in files}
    assert not _circle({name: _imports(path) & modules.keys() for name, path in modules.items()})


def test_a_circle_is_found():
    assert _circle({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()}) == ["a", "b", "c"]


def test_every_package_is_installed():
    with open(ROOT / "pyproject.toml", "rb") as file:
        setuptools = tomllib.load(file)["tool"]["setuptools"]
    folders = {name: folder for folder, name in setuptools["package-dir"].items()}
    for path in FILES:
        folder = str(path.parent.relative_to(ROOT))
        assert folders.get(folder, folder.replace("/", ".")) in setuptools["packages"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_downwards(path):
    room = _room(path)
    if room in ("__init__", "_version") or path in FORWARDERS:
        return
    ours = {name.split(".")[1] for name in _imports(path) if name.startswith("perface_jax.")}
    assert ours - {"_version", *LEAVES, room} <= _allowed()[room]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_packages_stay_in_their_rooms(path):
    packages = {name.split(".")[0] for name in _imports(path)}
    assert not packages & {"tensorflow", "clu"}
    if path.parent.name != "converters":
        assert not packages & {"torch", "onnx", "safetensors"}
    if path.parent.name in ("datasets", "annotations"):
        assert not packages & {"jax", "flax"}
    if path.stem not in ("sim_celeba", "celeba_hq", "store"):
        assert "tensorflow_datasets" not in packages


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_library_code_raises_and_never_asserts(path):
    assert not [node.lineno for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_private_name_is_imported_and_no_platform_is_asked_for_by_itself(path):
    tree = ast.parse(path.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert not [name for name in names if name.startswith("_") and name not in ("__version__", "_version")]
    assert "default_backend" not in {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def _public_functions():
    for module in (
        perface_jax,
        images,
        losses,
        metrics,
        groups,
        classification,
        selection,
        anonymize,
        swap,
        fidelity,
        naturalness,
        privacy,
    ):
        for name, function in vars(module).items():
            if inspect.isfunction(function) and function.__module__.startswith("perface_jax") and name[0] != "_":
                yield pytest.param(function, id=f"{module.__name__}.{name}")


@pytest.mark.parametrize("function", list(_public_functions()))
def test_public_functions_are_documented_take_key_first_and_options_by_keyword(function):
    parameters = list(inspect.signature(function).parameters.values())
    assert inspect.getdoc(function)
    assert "rng" not in [parameter.name for parameter in parameters]
    if "key" in [parameter.name for parameter in parameters]:
        assert parameters[0].name == "key"
    for parameter in parameters:
        if parameter.default is not inspect.Parameter.empty and parameter.name not in ("arch", "persons"):
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter.name


def test_the_public_contract_has_its_signatures():
    contract = {
        perface_jax.embed: "(model, variables, images, *, batch_size=64)",
        perface_jax.embed_folder: "(model, variables, folder, *, crop, batch_size=64, landmarks=None,"
        " detector=None, faces='largest')",
        perface_jax.load_model: "(path)",
        perface_jax.similarity: "(x, y)",
        images.read: "(path)",
        images.align: "(image, landmarks, *, template='arcface', size=112)",
        losses.cosine_triplet: "(reference, positive, negative, *, margin=0.1)",
        metrics.triplet_accuracy: "(reference, positive, negative, *, where=None)",
    }
    for function, wanted in contract.items():
        signature = inspect.signature(function)
        bare = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
        assert str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)) == wanted


def test_the_version_is_a_version():
    version = perface_jax.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text()


def test_hooks_use_the_ruff_of_the_suite():
    (version,) = re.findall(r"^ruff==(.*)$", (ROOT / "tests" / "constraints-3.11.txt").read_text(), re.MULTILINE)
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"ruff==([\d.]+)", hooks) == [version] * 2
