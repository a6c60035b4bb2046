"""`perface collect`: its steps as commands, on a study whose votes are in its store."""

import pytest

from perface_jax import annotations, commands, files
from perface_jax.collection import Kind, plan_hash, plan_trials
from perface_jax.collection import study as studies
from perface_jax.commands import collect
from tests.collection.simulated_session import votes_of
from tests.collection.small_study import write_study

store = pytest.importorskip("perface_jax.collection.store", reason="needs SQLAlchemy, of the extra collect")


def _refused(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as ended:
        collect.main(list(map(str, arguments)))
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.fixture
def study(tmp_path):
    """A study with the votes of its first wave, and an adaptive share."""
    made = write_study(tmp_path / "study", sources=24, targets=10, annotators=8, adaptive=0.4)
    originals = [(picture, "gone.jpg", "0") for picture in sorted(made.pictures)]
    files.write_csv(made.folder / studies.ORIGINALS, [studies.ORIGINAL_COLUMNS, *originals])
    opened = store.open_store(made)
    names = [f"p{number:02d}" for number in range(8)]
    opened.add_annotators({name: f"{name}-token" for name in names})
    for number, name in enumerate(names):
        opened.begin(name, consent="yes", plan_of=lambda number: plan_hash(plan_trials(made, number)))
        assert set(opened.add_votes(list(votes_of(made, number)))) == {"stored"}
    return made


def test_the_steps_are_listed_and_another_one_is_refused(capsys):
    collect.main([])
    listed = capsys.readouterr().out
    assert all(f"\n  {name} " in listed for name in collect.STEPS)
    assert max(map(len, listed.split("\n"))) <= 80
    assert "did you mean export" in _refused(capsys, "exprt")


@pytest.mark.parametrize("name", collect.STEPS)
def test_the_help_of_a_step_begins_with_an_example_of_that_step(name, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["perface", "collect", name, "--help"])
    with pytest.raises(SystemExit, match="0"):
        commands.main()
    assert capsys.readouterr().out.startswith(f"For example:\n  perface collect {name} study")


def test_votes_are_exported_once_and_the_store_remembers_whose(study, tmp_path, capsys):
    collect.main(["export", str(study.folder), "--out", str(tmp_path / "votes"), "--drop", "p03"])
    said = capsys.readouterr().out
    assert "630 votes, 28 repeats and 28 votes on dummies, by 7 annotators" in " ".join(said.split())
    read = annotations.read_answers(tmp_path / "votes" / "votes.csv")
    assert "p03" not in read.annotators
    opened = store.open_store(study)
    assert [one.place for one in opened.delete("p00")] == [str(tmp_path / "votes")]
    assert opened.delete("p03") == []
    assert "there already" in _refused(capsys, "export", study.folder, "--out", tmp_path / "votes")
    collect.main(["export", str(study.folder)])
    (only,) = (study.folder / "exports").iterdir()
    assert "p00" not in annotations.read_answers(only / "votes.csv").annotators


def test_the_next_wave_is_adapted_once(study, capsys):
    collect.main(["adapt", str(study.folder)])
    assert "288 of 720 votes of the next wave" in " ".join(capsys.readouterr().out.split())
    kinds = [trial.share for trial in plan_trials(study, 8) if trial.kind is Kind.VOTE]
    assert 20 <= kinds.count("adaptive") <= 50
    assert "there already" in _refused(capsys, "adapt", study.folder)


def test_a_new_study_wants_pictures_and_a_plan(tmp_path, capsys):
    (tmp_path / "plan.yaml").write_text("annotators: 3")
    given = ["new", tmp_path / "study", "--plan", tmp_path / "plan.yaml"]
    assert "--release or --pictures" in _refused(capsys, *given)
    assert "wanted a release" in _refused(capsys, *given, "--release", tmp_path)
    assert "triplets.csv is missing" in _refused(capsys, *given, "--pictures", tmp_path)
    assert "belongs to --release" in _refused(capsys, *given, "--pictures", tmp_path, "--ids", "ids.csv")
    assert "wanted a study" in _refused(capsys, "export", tmp_path)
