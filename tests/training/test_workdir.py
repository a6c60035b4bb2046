"""A workdir belongs to one run: another run is refused; settings that do not affect results may change."""

import json

import jax
import pytest

from configs import perface_r50
from perface_jax.training import workdir

CONFIG = {
    "seed": 0,
    "margin": 0.1,
    "epochs": 10,
    "max_steps": 100,
    "schedule": {"name": "constant", "warmup": 0},
    "data": {"release": "here", "sources": 80},
    "mesh": {"data": 0, "how": "shard_map"},
    "log_every": 10,
}


def _with(**changes):
    """The config with other values, `data__release` for `data.release`."""
    config = json.loads(json.dumps(CONFIG))
    for name, value in changes.items():
        *group, field = name.split("__")
        (config[group[0]] if group else config)[field] = value
    return config


def test_a_new_workdir_is_claimed_and_recognized_again(tmp_path):
    folder = workdir.claim(tmp_path / "new" / "run", CONFIG)
    assert folder == tmp_path / "new" / "run"
    assert json.loads((folder / "config.json").read_text()) == CONFIG
    assert workdir.refuse_other_run(folder, CONFIG) == {}
    assert workdir.claim(folder, CONFIG) == folder
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "versions.json"]


def test_the_versions_of_everything_are_written_down(tmp_path):
    workdir.claim(tmp_path, CONFIG)
    versions = json.loads((tmp_path / "versions.json").read_text())
    assert versions["packages"]["jax"] == jax.__version__
    assert versions["devices"].startswith("8 x cpu")
    assert versions["processes"] == 1


def test_what_leaves_the_result_alone_may_change_and_is_listed(tmp_path):
    workdir.claim(tmp_path, CONFIG)
    moved = _with(data__release="there", mesh__how="pmap", log_every=1)
    changed = {"data.release": ("here", "there"), "mesh.how": ("shard_map", "pmap"), "log_every": (10, 1)}
    assert workdir.refuse_other_run(tmp_path, moved) == changed
    workdir.claim(tmp_path, moved)
    assert json.loads((tmp_path / "config.json").read_text()) == moved
    assert workdir.refuse_other_run(tmp_path, moved) == {}


def test_another_run_is_refused_with_every_differing_field_and_nothing_is_changed(tmp_path):
    workdir.claim(tmp_path, CONFIG)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    other = _with(margin=0.2, data__release="there", parts=("groups",))  # of an evaluation: may differ
    del other["data"]["sources"]
    for act in (workdir.refuse_other_run, workdir.claim):
        with pytest.raises(ValueError, match="holds another run") as error:
            act(tmp_path, other)
        assert str(error.value).splitlines()[1:] == [
            "- data.sources = 80",
            "+ data.sources = None",
            "- margin = 0.1",
            "+ margin = 0.2",
        ]
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("field", "before", "now", "allowed"),
    [
        ("epochs", 10, 20, True),
        ("epochs", 10, 5, False),
        ("epochs", 0, 10, True),  # no step at all, then some
        ("epochs", 10, 0, False),
        ("max_steps", 100, 200, True),
        ("max_steps", 100, 50, False),
        ("max_steps", 100, 0, True),  # 0 is no limit
        ("max_steps", 0, 100, False),
    ],
)
def test_a_run_may_become_longer_under_a_constant_schedule_only(tmp_path, field, before, now, allowed):
    old, new = _with(**{field: before}), _with(**{field: now})
    workdir.claim(tmp_path / "constant", old)
    if allowed:
        assert workdir.refuse_other_run(tmp_path / "constant", new) == {field: (before, now)}
    else:
        with pytest.raises(ValueError, match=rf"\+ {field} = {now}"):
            workdir.refuse_other_run(tmp_path / "constant", new)
    old["schedule"]["name"] = new["schedule"]["name"] = "cosine"
    workdir.claim(tmp_path / "cosine", old)
    with pytest.raises(ValueError, match=rf"\+ {field} = {now}"):
        workdir.refuse_other_run(tmp_path / "cosine", new)


def test_a_workdir_from_before_a_field_was_added_is_that_of_a_run_with_its_default(tmp_path):
    workdir.claim(tmp_path, CONFIG)
    assert workdir.refuse_other_run(tmp_path, CONFIG | {"model": {"kernels": "auto"}}) == {}
    with pytest.raises(ValueError, match="kernels = 'auto'\n\\+ model.kernels = 'xla'"):
        workdir.refuse_other_run(tmp_path, CONFIG | {"model": {"kernels": "xla"}})


def test_an_old_workdir_keeps_the_validation_and_the_labels_that_its_run_had(tmp_path):
    workdir.claim(tmp_path, CONFIG)
    old = {"min_votes": 2, "split": {"by": "ids", "file": "", "validation": "both_unseen"}}
    with_old = CONFIG | old | {"data": CONFIG["data"] | {"ids": ""}}
    del with_old["split"]["by"]
    assert workdir.refuse_other_run(tmp_path, with_old) == {}
    with pytest.raises(ValueError, match="validation = 'both_unseen'\n\\+ split.validation = 'non_test_targets'"):
        workdir.refuse_other_run(tmp_path, with_old | {"split": {"file": "", "validation": "non_test_targets"}})
    with pytest.raises(ValueError, match="which is older than these fields: --config.min_votes=2; nothing was changed"):
        workdir.refuse_other_run(tmp_path, with_old | {"min_votes": 3})


def test_the_config_of_an_older_run_does_what_that_run_did_unless_it_says_otherwise(tmp_path):
    config = perface_r50.get_config("smoke")
    assert workdir.of_run(config, tmp_path / "new") is config
    old = workdir.record(config)
    del old["min_votes"], old["split"]["validation"], old["split"]["file"], old["data"]["ids"]
    workdir.claim(tmp_path / "old", old)
    taken = workdir.of_run(config, tmp_path / "old")
    assert (taken.min_votes, taken.split.validation) == (2, "both_unseen")
    assert (config.min_votes, config.split.validation) == (3, "non_test_targets")
    assert workdir.refuse_other_run(tmp_path / "old", workdir.record(taken)) == {}
    workdir.claim(tmp_path / "old", workdir.record(taken))
    assert json.loads((tmp_path / "old" / "config.json").read_text()) == old  # it stays the record of an older run
    assert workdir.of_run(config, tmp_path / "old") == taken
    config.min_votes = 1
    with pytest.raises(ValueError, match=r"- min_votes = 2\n\+ min_votes = 1"):
        workdir.refuse_other_run(tmp_path / "old", workdir.record(workdir.of_run(config, tmp_path / "old")))


def test_a_file_of_ids_or_of_a_split_may_move_and_must_say_the_same(tmp_path):
    config = perface_r50.get_config("smoke")
    plain = workdir.record(config)
    assert plain == json.loads(config.to_json())
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("tripletId,setting\nt0000,train\n")
    config.split.by, config.split.file = "file", str(tmp_path / "one.csv")
    workdir.claim(tmp_path / "run", workdir.record(config))
    config.split.file = str(tmp_path / "two.csv")
    moved = workdir.refuse_other_run(tmp_path / "run", workdir.record(config))
    assert list(moved) == ["split.file"]
    (tmp_path / "two.csv").write_text("tripletId,setting\nt0000,test\n")
    with pytest.raises(ValueError, match=r"- split.file_sha256 = '[0-9a-f]{64}'\n\+ split.file_sha"):
        workdir.refuse_other_run(tmp_path / "run", workdir.record(config))
    with pytest.raises(ValueError, match=r"- split.file_sha256 = '\w+'\n\+ split.file_sha256 = None"):
        workdir.refuse_other_run(tmp_path / "run", plain | {"split": plain["split"] | {"by": "file"}})
    config.split.file = str(tmp_path / "three.csv")
    with pytest.raises(FileNotFoundError, match="config.split.file is .*three.csv: there is no such file"):
        workdir.record(config)


def test_a_file_in_the_place_of_the_workdir_is_refused(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(ValueError, match="run is a file; wanted a folder"):
        workdir.claim(tmp_path / "run", CONFIG)
