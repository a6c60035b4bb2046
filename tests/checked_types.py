"""Annotations are checked at every call: an import hook puts jaxtyping and beartype on the package's own functions.

It differs from `jaxtyping.install_import_hook` in three ways. A call that breaks the annotation of a parameter goes on
to the function, so that tests of wrong input see the library's own error, as users do; a function that takes such input
fails the test. Functions inside functions, which would be decorated at each call, and functions without annotations
are left alone. The checks of a function are built at its first call.
"""

import ast
import functools
import importlib.util
import sys
from importlib.machinery import PathFinder, SourceFileLoader
from unittest import mock

import beartype
import jaxtyping

PACKAGES = ("perface_jax", "converters", "configs")
ROOMS = (  # annotated so far; every room in the end
    "annotations", "classification", "detection", "diffusion", "evaluation", "fidelity", "generator", "groups",
    "images", "landmarks", "losses", "metrics", "naturalness", "network", "perceptual_distance", "privacy", "selection",
    "similarity",
    "similarity_scale", "statistics", "swap", "verification",
)  # fmt: skip
_beartype = beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))  # an int will do for a float


def checked(function):
    """The function, with its annotations checked at each call."""
    if not function.__annotations__:
        return function
    of_parameters = f"whilst checking the parameters of {function.__module__}.{function.__qualname__}."
    typed = None

    @functools.wraps(function)
    def call(*args, **kwargs):
        nonlocal typed
        typed = typed or jaxtyping.jaxtyped(function, typechecker=_beartype)
        try:
            return typed(*args, **kwargs)
        except jaxtyping.TypeCheckError as error:
            if of_parameters in str(error):
                function(*args, **kwargs)  # raises the library's own error, or its annotation is too strict
            raise

    return call


def install() -> None:
    """Check the functions of every module of ours that is imported from now on."""
    sys.meta_path.insert(0, _Finder)


class _Finder(PathFinder):
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        package, _, room = fullname.partition(".")
        if package not in PACKAGES or (package == "perface_jax" and room.split(".")[0] not in ROOMS):
            return None
        spec = super().find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def source_to_code(self, data, path, *, _optimize=-1):
        tree = _Decorate().visit(ast.parse(data, path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True, optimize=_optimize)

    def exec_module(self, module):
        module.__checked__ = checked
        apart = functools.partial(importlib.util.cache_from_source, optimization="checked")  # from unchecked bytecode
        with mock.patch("importlib._bootstrap_external.cache_from_source", lambda path, **_: apart(path)):
            super().exec_module(module)


class _Decorate(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        """Innermost, below `jax.jit` and `property`; what is inside is not visited."""
        node.decorator_list.append(ast.copy_location(ast.Name("__checked__", ast.Load()), node))
        return node
