"""A small release whose answers say who voted, with the pictures of `small_release`."""

import numpy as np
import pytest

LONG_FORM_PEOPLE = ("ann", "bob", "cleo", "dan")


@pytest.fixture(scope="session")
def long_form(release, tmp_path_factory):
    """Three of four people on each triplet; dan votes for the other side of what the rest say."""
    folder = tmp_path_factory.mktemp("long") / "release"
    folder.mkdir()
    (folder / "triplet").symlink_to(release / "triplet")
    random, lines = np.random.default_rng(0), ["triplet,annotator,choice"]
    for row in range(100):
        said = random.integers(0, 2)
        for who in random.permutation(4)[:3]:
            lines.append(f"t{row:04d},{LONG_FORM_PEOPLE[who]},{'ab'[said ^ (who == 3)]}")
    (folder / "triplet_answers.csv").write_text("\n".join(lines) + "\n")
    return folder
