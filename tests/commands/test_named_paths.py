"""NAME=PATH lists: commas and equals signs belong to the paths that exist with them."""

import pytest

from perface_jax.commands.named_paths import named


def test_names_and_paths_are_told_apart():
    assert named(["a=x,y, b=p=q"], alone="it") == {"a": "x", "it": "y", "b": "p=q"}
    assert named(["a=x", "b=y"], alone=None) == {"a": "x", "b": "y"}
    assert named([], alone=None) == {}


def test_the_folders_of_a_sweep_are_paths(tmp_path, monkeypatch):
    sweep = tmp_path / "models"
    for name in ("margin=0.1,seed=0", "margin=0.1", "margin=0.1,seed=1"):
        (sweep / name).mkdir(parents=True)
    one, two = sweep / "margin=0.1,seed=0", sweep / "margin=0.1,seed=1"
    assert named([f"a={one},b={two}"], alone="it") == {"a": str(one), "b": str(two)}
    assert named([f"{one},b={sweep}"], alone="it") == {"it": str(one), "b": str(sweep)}
    assert named([str(one), f"b={two}"], alone="it") == {"it": str(one), "b": str(two)}
    monkeypatch.chdir(sweep)
    assert named(["margin=0.1,seed=0"], alone="it") == {"it": "margin=0.1,seed=0"}
    assert named(["mine,b=margin=0.1"], alone="it") == {"it": "mine", "b": "margin=0.1"}
    assert named(["b=margin=0.1,c=nowhere"], alone="it") == {"b": "margin=0.1", "c": "nowhere"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a=1,a=2"], "a is given twice; wanted NAME=PATH"),
        (["a=1", "a=2"], "a is given twice"),
        (["a="], "'a=' has nothing behind ="),
        (["a=1,"], "'it=' has nothing behind ="),
        (["x,y"], "only one may go without a name, not x and y; wanted NAME=PATH,NAME=PATH,... or the flag once"),
    ],
)
def test_a_name_twice_or_without_a_path_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        named(given, alone="it")
