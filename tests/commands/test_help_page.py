"""Help pages of train, evaluate, anonymize and privacy: one screen each, and every field in one group."""

import pytest

from perface_jax import all_settings
from perface_jax.commands import COMMANDS, command_line, evaluate_flags, help_page, train
from perface_jax.training import config_schema

MARGIN = next(field for field in config_schema.FIELDS if field.name == "margin" and "triplets" in field.tasks)


@pytest.mark.parametrize("part", evaluate_flags.OWN)
def test_a_part_of_an_evaluation_has_a_page_of_its_own(part):
    page = "\n".join(evaluate_flags.page(part, ""))
    others = {"": "--originals", "anonymize": "--anonymized", "privacy": "--candidates"}
    assert others[part] not in page
    assert len(page.splitlines()) <= 37  # the example has three more
    assert max(map(len, page.splitlines())) <= 80
    assert not [line for line in page.splitlines() if line.startswith(("   --", "    --", "    groups."))]
    assert evaluate_flags.part(["x", *COMMANDS[part or "evaluate"].options]) == part
    every = "\n".join(evaluate_flags.page(part, "fields"))
    assert all(f"{name} = " in every for name in evaluate_flags.FIELDS[part] if not name.startswith("data."))


def test_the_page_of_train_names_every_field_and_explains_the_first_ones():
    page = "\n".join(train.page(""))
    assert len(page.splitlines()) <= 38
    assert max(map(len, page.splitlines())) <= 80
    assert f" margin = 0.1 {MARGIN.meaning} " in " ".join(page.split())
    for field in config_schema.FIELDS:
        head, _, tail = field.name.rpartition(".")
        assert f" {field.name}" in page or (f" {head}." in page and f" .{tail}" in page), field.name


def test_a_group_and_a_field_are_explained_and_other_words_refused():
    loss = " ".join(" ".join(train.page("loss")).split())
    assert f"margin = 0.1: {MARGIN.meaning}; can be swept" in loss
    assert "margin = 0.3: " in loss
    assert train.page("loss")[0].startswith("loss = ")
    assert [line.split(" = ")[0] for line in train.page("model.arch")] == ["model.arch"]
    assert len(train.page("all")) == len(config_schema.FIELDS)
    with pytest.raises(ValueError, match="no group or field 'lose'; wanted one of: start, model, .*, all, or a field"):
        help_page.group("lose")


def test_what_a_field_takes_and_whether_it_may_change_is_said():
    workers = next(field for field in all_settings.FIELDS if field.name == "workers")
    wanted = f"workers = 0: {workers.meaning}; at least 0; may change"
    assert " ".join(help_page.described(workers).split()) == wanted


def test_the_word_behind_help_is_asked_for_and_a_wrong_one_refused_in_one_line(capsys):
    def page(word):
        if word == "wrong":
            raise ValueError("no such word")
        return [f"page {word!r}"]

    for arguments, said in ((["x", "--help", "loss"], "page 'loss'\n"), (["x", "--help", "--workdir=a"], "page ''\n")):
        with pytest.raises(SystemExit) as end:
            command_line.show_help(arguments, page)
        assert (end.value.code, capsys.readouterr().out) == (0, said)
    with pytest.raises(SystemExit, match="^no such word$"):
        command_line.show_help(["x", "-h", "wrong"], page)
    command_line.show_help(["x", "--workdir=a"], page)
