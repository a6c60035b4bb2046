"""`perface annotators`: the table, the file of labels, and what is refused."""

import numpy as np
import pytest

from perface_jax.annotations import annotator_reliability, read_answers
from perface_jax.commands import annotators
from tests.annotations.test_labels import simulated


@pytest.fixture
def file(tmp_path):
    votes, _ = simulated(np.random.default_rng(0), np.array([0.95, 0.9, 0.5, 0.85]), triplets=400)
    row, slot = np.nonzero(votes.votes >= 0)
    pairs = ((votes.ids[t], votes.annotators[votes.annotator[t, v]], "ab"[votes.votes[t, v]])
             for t, v in zip(row, slot, strict=True))  # fmt: skip
    path = tmp_path / "votes.csv"
    path.write_text("\n".join(["triplet,annotator,choice", *map(",".join, pairs)]) + "\n")
    return path


def test_the_least_reliable_annotator_comes_first_and_every_line_fits_a_screen(file, capsys, monkeypatch):
    monkeypatch.chdir(file.parent)  # a path is never broken
    annotators.main([file.name])
    said = capsys.readouterr().out.splitlines()
    assert max(map(len, said)) <= 80
    table = [line.split() for line in said if line.split()[0].startswith("p") and "[" in line]
    one = min(annotator_reliability(read_answers(file)).annotators, key=lambda one: one.right.value)
    assert len(table) == 4
    assert one.name == "p2"
    assert table[0][:3] == [one.name, str(one.votes), f"{one.right.value:.3f}"]
    assert "Cochran's Q" in "\n".join(said)


def test_labels_are_written_with_their_probability(file, tmp_path, capsys):
    annotators.main([str(file), "--labels", str(tmp_path / "labels.csv")])
    lines = (tmp_path / "labels.csv").read_text().splitlines()
    labels = annotator_reliability(read_answers(file)).labels
    assert lines[0] == "tripletId,label,probability_b"
    assert [line.split(",")[1] for line in lines[1:]] == ["ab"[label] for label in labels.label]
    assert float(lines[1].split(",")[2]) == pytest.approx(labels.share[0], abs=1e-6)


def test_a_file_without_annotators_is_refused_in_one_line(tmp_path, capsys):
    path = tmp_path / "votes.csv"
    path.write_text("tripletId,ans1\nt0000,a\n")
    with pytest.raises(SystemExit) as end:
        annotators.main([str(path)])
    assert end.value.code == 2
    assert "needs to know who gave each vote" in capsys.readouterr().err
