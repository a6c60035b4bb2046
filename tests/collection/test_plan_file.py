"""plan.yaml is read strictly."""

import pytest

from perface_jax.collection import Plan, read_plan


def _read(folder, text):
    (folder / "plan.yaml").write_text(text)
    return read_plan(folder / "plan.yaml")


def test_one_line_is_a_whole_plan(tmp_path):
    assert _read(tmp_path, "annotators: 18") == Plan(annotators=18)
    assert _read(tmp_path, "annotators: 18\nadaptive: 0\ntitle: Faces\n") == Plan(18, adaptive=0.0, title="Faces")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "wanted lines such as"),
        ("- 3", "wanted lines such as"),
        ("annotators: [3", "not YAML"),
        ("votes: 3", "annotators is missing"),
        ("annotator: 3", "did you mean annotators"),
        ("annotators: 3\nannotators: 4", "annotators is given twice"),
        ("annotators: yes", "annotators is True; wanted a whole number"),
        ("annotators: 3.0", "wanted a whole number"),
        ("annotators: 0", "from 1 to"),
        ("annotators: 3\nrepeats: .nan", "a number from 0.0 to 0.5"),
        ("annotators: 3\nrepeats: 5%", "wanted a number"),
        ("annotators: 3\ntitle: 7", "wanted text"),
        ("annotators: 3\nvotes: 4", "4 votes on every triplet by 3"),
        ("annotators: 3\n7: 4", "unknown name 7"),
        ("annotators: !!python/object/apply:os.system [ls]", "not YAML"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        _read(tmp_path, text)
