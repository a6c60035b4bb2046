import jax
import jax.numpy as jnp
import numpy as np
import pytest

from perface_jax import parallel
from perface_jax.training import stored_traces
from perface_jax.training.stored_traces import Ahead, How, StoredTrace


class Counted:
    """A step `x -> x + scale * sum of the batch`, which counts how often it is traced."""

    def __init__(self, scale=1.0):
        self.traced, self.scale = 0, scale

    def __call__(self, state, batch, *, axis_name):
        self.traced += 1
        total = jax.lax.psum(jnp.sum(batch["x"]), axis_name)
        return {"w": state["w"] + self.scale * total}, {"sum": total}


@pytest.fixture
def mesh():
    return parallel.make_mesh(1)


def stored(step, mesh, folder, **facts):
    results, ahead = (lambda state: (state, {"sum": 0})), facts.pop("ahead", None)
    return StoredTrace(
        parallel.spmd(step, mesh), folder=folder, facts=facts, results=results, how=how(mesh), ahead=ahead
    )


def how(mesh):
    return How(mesh, parallel.STATE, donates=True)


def arguments(mesh, *, steps=1):
    state = parallel.place_global({"w": np.float32([[1, 2]])}, mesh, parallel.STATE)
    rows = np.arange(8 * steps, dtype=np.float32).reshape(1, steps, 8)
    return state, parallel.place_global({"x": rows, "not_read": rows}, mesh, parallel.BATCH)


def test_a_second_start_traces_nothing_and_computes_the_same(mesh, tmp_path):
    first, second = Counted(), Counted()
    one = stored(first, mesh, tmp_path)(*arguments(mesh))
    other = stored(second, mesh, tmp_path)(*arguments(mesh))
    assert (first.traced, second.traced) == (1, 0)
    np.testing.assert_array_equal(one[0]["w"], [[29, 30]])
    jax.tree.map(np.testing.assert_array_equal, one, other)
    jax.tree.map(np.testing.assert_array_equal, one, parallel.spmd(Counted(), mesh)(*arguments(mesh)))


def test_results_lie_where_the_next_call_wants_them_and_the_state_is_donated(mesh, tmp_path):
    program = stored(Counted(), mesh, tmp_path)
    state, batch = arguments(mesh)
    new, _ = program(state, batch)
    assert new["w"].sharding == state["w"].sharding
    assert state["w"].is_deleted()
    program(new, batch)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("change", ["facts", "shapes", "settings", "code"])
def test_whatever_a_trace_depends_on_finds_another_file(change, mesh, tmp_path, monkeypatch):
    stored(Counted(), mesh, tmp_path)(*arguments(mesh))
    if change == "code":
        monkeypatch.setattr(stored_traces, "_code", lambda: "edited")
    again, facts = Counted(), {"margin": 0.2} if change == "facts" else {}
    with jax.default_matmul_precision("bfloat16" if change == "settings" else "highest"):
        stored(again, mesh, tmp_path, **facts)(*arguments(mesh, steps=2 if change == "shapes" else 1))
    assert again.traced == 1


def test_results_of_another_structure_than_stated_are_refused(mesh, tmp_path):
    program = parallel.spmd(Counted(), mesh)
    wrong = StoredTrace(program, folder=tmp_path, facts={}, results=lambda state: state, how=how(mesh))
    with pytest.raises(TypeError, match="stated was"):
        wrong(*arguments(mesh))


def test_a_program_that_jax_cannot_keep_runs_as_it_is(mesh, tmp_path, monkeypatch):
    def refuse(program):
        raise ValueError("Cannot serialize code with custom calls")

    wanted = stored(Counted(), mesh, tmp_path / "kept")(*arguments(mesh))
    monkeypatch.setattr(stored_traces.export, "export", lambda program: lambda *arguments: refuse(program))
    found = stored(Counted(), mesh, tmp_path / "none")(*arguments(mesh))
    jax.tree.map(np.testing.assert_array_equal, found, wanted)
    assert not (tmp_path / "none").exists()


def test_a_damaged_file_is_replaced(mesh, tmp_path):
    stored(Counted(), mesh, tmp_path)(*arguments(mesh))
    [file] = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])
    again = Counted()
    stored(again, mesh, tmp_path)(*arguments(mesh))
    assert again.traced == 1
    assert len(file.read_bytes()) == len(whole)


def test_the_folder_keeps_the_last_used_files_and_need_not_be_writable(mesh, tmp_path, monkeypatch):
    monkeypatch.setattr(stored_traces, "MOST", 2)
    for margin in range(3):
        stored(Counted(), mesh, tmp_path, margin=margin)(*arguments(mesh))
    assert len(list(tmp_path.iterdir())) == 2
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="the next start will trace again"):
        stored(Counted(), mesh, tmp_path / "file")(*arguments(mesh))


def test_what_a_start_calls_first_the_next_one_compiles_ahead(mesh, tmp_path):
    def ahead(**facts):
        return Ahead(tmp_path, facts, how(mesh))

    first = stored(Counted(), mesh, tmp_path, ahead=ahead(run=1))(*arguments(mesh))
    [file] = tmp_path.glob("*.trace")
    assert ahead(run=1).take(file) is not None
    assert ahead(run=2).take(file) is None
    again = Counted()
    program = stored(again, mesh, tmp_path, ahead=ahead(run=1))
    jax.tree.map(np.testing.assert_array_equal, program(*arguments(mesh)), first)
    assert again.traced == 0
    other = Counted(scale=3.0)  # than noted
    found, _ = stored(other, mesh, tmp_path, ahead=ahead(run=1), scale=3.0)(*arguments(mesh))
    assert other.traced == 1
    np.testing.assert_array_equal(found["w"], [[85, 86]])
