"""The public face of the package."""

import ast
import pathlib
import sys

import perface_jax.annotations

ROOT = pathlib.Path(__file__).resolve().parents[2]
OURS = (
    "extras",
    "statistics",
    "formatting",
    "files",
    "disk_space",
    "argument_parser",
)  # what the annotations may use of the package


def test_the_public_names_are_all_there():
    missing = [name for name in perface_jax.annotations.__all__ if not hasattr(perface_jax.annotations, name)]
    assert not missing
    assert perface_jax.annotations.__all__ == sorted(perface_jax.annotations.__all__)


def _imports(file: pathlib.Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        found |= {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
        if isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_it_and_the_statistics_it_uses_import_numpy_and_scipy_and_no_jax():
    allowed = {"numpy", "scipy", "jaxtyping", "etils", "perface_jax"} | sys.stdlib_module_names  # scipy: in functions
    files, seen = list((ROOT / "perface_jax" / "annotations").glob("*.py")), set()
    while files:
        file = files.pop()
        seen.add(file)
        for name in _imports(file):
            if file.name == "crowd.py" and name.split(".")[0] in ("crowdkit", "pandas"):
                continue  # in functions: the extra `crowd`
            assert name.split(".")[0] in allowed, f"{file.name} imports {name}"
            if name.startswith(tuple(f"perface_jax.{module}" for module in OURS)):
                imported = {ROOT / f"{name.replace('.', '/')}.py", ROOT / "perface_jax/statistics/__init__.py"}
                files += {path for path in imported - seen if path.exists()}
            elif name != "perface_jax":  # of `from perface_jax import files`, the module is a name of its own
                assert not name.startswith("perface_jax.") or name.startswith("perface_jax.annotations"), file.name
    assert {"agreement", "resampling", "votes"} <= {file.stem for file in seen if file.parent.name == "statistics"}
