"""`perface plan`: a table, the cheapest design, files, and pilots."""

import csv
import json

import numpy as np
import pytest

from perface_jax.commands import plan
from perface_jax.statistics.planning import Effects
from tests.simulated_votes import simulated_cells

QUICK = ["--sources", "10", "40", "--targets", "4", "--simulations", "60"]


def test_the_table_names_the_design_with_the_fewest_answers(capsys, tmp_path):
    plan.main([*QUICK, "--power", ".1", "--test", "source", "--out", str(tmp_path)])
    shown = " ".join(capsys.readouterr().out.split())
    assert "Fewest answers for a power of 0.1 with a model sd of 0.3: 40 sources x 4 targets x 3 votes = 480." in shown
    assert "power, sd 0.3 power, sd 1" in shown
    with open(tmp_path / "plan.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["sources"], row["model_source"]) for row in rows] == [
        ("10", "0.3"),
        ("10", "1.0"),
        ("40", "0.3"),
        ("40", "1.0"),
    ]
    (section,) = json.loads((tmp_path / "plan.json").read_text())["sections"]
    assert [row["power"] for row in section["rows"]] == [float(row["power"]) for row in rows]
    assert (tmp_path / "power-against-the-number-of-sources.pdf").stat().st_size > 1000


def test_what_is_never_reached_is_said(capsys):
    plan.main([*QUICK, "--model_source", "1", "1", "--votes", "3", "3"])  # what is given twice counts once
    assert "none of these designs, add sources" in " ".join(capsys.readouterr().out.split())


def votes_table(file, rng, effects: Effects, model: int):
    """A table of 60 sources x 20 targets, the votes the same for every model."""
    source, target = np.indices((60, 20)).reshape(2, -1)
    lean = rng.normal(0, effects.vote_source, 60)[source]
    votes = rng.random((1200, 3)) < 1 / (1 + np.exp(-lean))[:, None]
    own = np.random.default_rng(model).normal(0, effects.model_source, 60)[source]
    right = np.random.default_rng(model).random(1200) < 1 / (1 + np.exp(-1.4 - own))
    first = right == (votes.sum(axis=1) > 1)
    lines = [
        f"t{i:04d},{source[i]},{target[i]},,{'ba'[vote]},{int(first[i])},{int(~first[i])}"
        for i in range(1200) for vote in votes[i].astype(int)
    ]  # fmt: skip
    file.write_text("\n".join(["tripletId,source,target,annotator,vote,similarity_a,similarity_b", *lines]))
    return str(file)


def test_a_pilot_of_two_models_replaces_the_deviations(capsys, tmp_path):
    effects = Effects(model_source=1.2)
    pilot = [votes_table(tmp_path / f"{m}.csv", np.random.default_rng(0), effects, m) for m in (1, 2)]
    chosen = plan.main([*QUICK, "--pilot", *pilot, "--out", str(tmp_path)])
    assert chosen is None
    shown = "".join(capsys.readouterr().out.split())  # a long path is broken anywhere
    assert f"of{pilot[0]}and{pilot[1]}" in shown
    with open(tmp_path / "plan.csv") as file:
        (found,) = {float(row["model_source"]) for row in csv.DictReader(file)}
    assert found == pytest.approx(1.2, abs=0.35)


def test_answers_are_taken_as_the_audit_takes_them(capsys, tmp_path):
    from tests.simulated_votes import in_order

    votes = in_order(
        simulated_cells(np.random.default_rng(1), 24, 24), *[plan.annotations.GridOrder("target_major", 24, 24)] * 3
    )
    lines = [f"t{i:04d}," + ",".join("ab"[vote] for vote in row) for i, row in enumerate(votes)]
    (tmp_path / "answers.csv").write_text("\n".join(["tripletId,ans1,ans2,ans3", *lines]))
    plan.main([*QUICK, "--answers", str(tmp_path / "answers.csv"), "--grid", "24", "24"])
    shown = "".join(capsys.readouterr().out.split())  # a long path is broken anywhere
    assert "answers.csv,rowstarget-major(votes),andassumed(models)" in shown


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--grid", "4", "4"], "--answers and --grid belong together"),
        (["--targets", "1"], "wanted two or more"),
        (["--power", "80"], "--power is 80.0; wanted a share"),
        (["--answers", "x.csv", "--grid", "2", "2", "--pilot", "a", "b"], "contradicts --pilot"),
        (["--pilot", "a.csv", "b.csv"], "a.csv"),
    ],
)
def test_what_cannot_be_planned_is_one_line(capsys, wrong, message):
    with pytest.raises(SystemExit):
        plan.main([*QUICK, *wrong])
    assert message in capsys.readouterr().err.splitlines()[-1]
