"""Blocks, commands and mentions are read as a reader and a shell would."""

from tests import documents

PAGE = """Try `perface compare A B [--model DIR]` and
`PERFACE_FACEPACK=DIR pytest
tests/x.py -m slow`; not `perfect`.

```bash
a=1 python train.py --x="two words"   # a comment
perface plan \\
    --out plan && make demo > log 2>&1
on_all "cd here &&
        nohup python train.py --y"
```

- item:
  ```python
  print("`perface no`")
  ```
"""


def test_a_page_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    shell, python = documents.blocks(page)
    assert (shell.place, shell.language) == ("page.md:5", "bash")
    assert (python.place, python.text) == ("page.md:14", 'print("`perface no`")\n')
    first, second, third, whole, *inside = documents.commands(shell.text)
    assert first == ["python", "train.py", "--x=two words"]
    assert (second, third[:2]) == (["perface", "plan", "--out", "plan"], ["make", "demo"])
    assert whole[0] == "on_all"
    assert ["nohup", "python", "train.py", "--y"] in inside
    assert documents.mentions(page) == [
        ["perface", "compare", "A", "B", "--model", "DIR"],
        ["pytest", "tests/x.py", "-m", "slow"],
    ]
