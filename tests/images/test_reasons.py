"""Counts by kind; and what an error says without the name."""

from perface_jax import images


def test_kinds_are_counted_the_most_frequent_first_with_an_example():
    skipped = [
        ("a.jpg", "an empty file (0 bytes)"),
        ("b.jpg", "not square and without landmarks (40 x 20 pixels): give landmarks"),
        ("c.jpg", "not square and without landmarks (41 x 20 pixels): give landmarks"),
        ("d.jpg", "landmarks 3.5 pixels off: look at them"),
        ("e.jpg", "landmarks 12 pixels off: look at them"),
        ("f.jpg", "landmarks 1,000 pixels off: look at them"),
    ]
    assert images.count_reasons(skipped) == (
        "3 landmarks 3.5 pixels off (d.jpg, ...), 2 not square and without landmarks (b.jpg, ...),"
        " 1 an empty file (a.jpg)"
    )
    assert images.count_reasons([]) == ""


def test_many_kinds_are_cut():
    many = [(f"{letter}.jpg", letter) for letter in "abcdefg"]
    said = images.count_reasons(many)
    assert said.startswith("1 a (a.jpg), 1 b")
    assert said.endswith("1 e (e.jpg), 2 for other reasons")


def test_an_error_without_the_name_that_stands_beside_it():
    assert images.reason_of(PermissionError(13, "Permission denied", "/x/a.jpg"), "a.jpg") == "Permission denied"
    assert images.reason_of(images.PictureError("a.jpg: an empty file"), "a.jpg") == "an empty file"
    assert images.reason_of(OSError("broken"), "a.jpg") == "broken"
