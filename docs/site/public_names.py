"""Which names are public, and on which page of the reference each is. Read from the source, nothing is imported.

Public are the names in `__all__` of a package. Where a package has none, and in the packages of `FILES`, its files are
public: every function and class without an underscore that they define themselves.
"""

import pathlib

import griffe

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEFT_OUT = {"__main__", "_version", "commands", "configs"}  # what is run (command_pages.py)
FILES = {"statistics", "detection"}  # their docstrings say to import their files, too


def pages() -> dict[str, list[griffe.Module]]:
    """The name of each page of the reference -> the modules that it shows; the docstring of the first opens it."""
    loader = griffe.GriffeLoader(search_paths=[ROOT])
    ours, converters = loader.load("perface_jax"), loader.load("converters")
    loader.resolve_aliases(external=False)
    rooms = [room for name, room in sorted(ours.modules.items()) if not room.is_alias and name not in LEFT_OUT]
    return {"perface_jax": [ours]} | {room.name: _shown(room) for room in (*rooms, converters)}


def public(module: griffe.Module) -> dict[str, griffe.Object | griffe.Alias]:
    """The public names of a module that a page shows; modules among them have pages of their own."""
    if module.exports is not None:
        members = {name: _exported(module, name) for name in sorted(map(str, module.exports))}
        return {name: member for name, member in members.items() if not _target(member).is_module}
    own = {name: member for name, member in module.members.items() if not member.is_alias and name[0] != "_"}
    return {name: member for name, member in own.items() if member.is_function or member.is_class}


def undocumented(module: griffe.Module) -> list[str]:
    """The public names of a module without a docstring, and methods that no class of the file describes."""
    names = public(module)
    methods = [method for member in names.values() if member.is_class for method in _methods(member)]
    described = {method.name for method in methods if method.has_docstring}
    bare = [member.path for member in names.values() if not member.has_docstring]
    return bare + [method.path for method in methods if method.name not in described]


def _shown(room: griffe.Module) -> list[griffe.Module]:
    if not room.is_init_module or (room.exports is not None and room.name not in FILES):
        return [room]
    return [room, *(file for name, file in sorted(room.modules.items()) if name != "__main__")]


def _methods(member: griffe.Object | griffe.Alias) -> list[griffe.Object | griffe.Alias]:
    return [method for name, method in member.members.items() if method.is_function and name[0] != "_"]


def _exported(module: griffe.Module, name: str) -> griffe.Object | griffe.Alias:
    """`metrics.calibration` is a function of a file with its name, and Griffe keeps the file in its place."""
    member = module.members[name]
    hidden = module.imports.get(name) == f"{member.path}.{name}"
    return member.members[name] if hidden else member


def _target(member: griffe.Object | griffe.Alias) -> griffe.Object:
    return member.final_target if isinstance(member, griffe.Alias) else member
