import jax
import numpy as np
import pytest

from perface_jax.datasets.identities import read_identities
from perface_jax.synthetic import faces
from perface_jax.synthetic.world import create_people, create_world
from perface_jax.synthetic.write_identities import create_identities, write_identities
from tests import drawn_faces

SMALL = {"identities": 6, "pictures": 4, "size": drawn_faces.SIZE}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written") / "identities"
    write_identities(folder, seed=1, **SMALL)
    return folder


@pytest.fixture(scope="module")
def shown():
    return create_identities(1, identities=6, pictures=4)


def by_identity(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf).reshape(6, 4, *leaf.shape[1:]), tree)


def test_identities_are_written_as_they_are_read(written, shown):
    found = read_identities(written, image_size=drawn_faces.SIZE, crop="simswap")
    assert found.names == ("id0000", "id0001", "id0002", "id0003", "id0004", "id0005")
    assert found.identity.tolist() == np.repeat(range(6), 4).tolist()
    assert found.skipped == ()
    assert sorted(path.name for path in (written / "id0002").iterdir()) == ["00.jpg", "01.jpg", "02.jpg", "03.jpg"]
    wanted = drawn_faces.draw(*shown).astype(int)
    assert np.abs(found.pictures - wanted).mean() < 4.0  # JPEG
    assert np.abs(found.pictures - np.roll(wanted, 1, axis=0)).mean() > 20.0


def test_the_same_seed_gives_the_same_bytes(written, tmp_path):
    write_identities(tmp_path / "again", seed=1, **SMALL)
    for path in written.rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(written)).read_bytes(), path


def test_an_identity_keeps_its_inner_face_and_nothing_else(shown):
    source, target, seam = map(by_identity, shown)
    for name, values in source._asdict().items():
        assert (values == values[:, :1]).all(), name
    assert len(np.unique(source.lip_color[..., 0])) == 6
    for values in (target.yaw, target.light[..., 0], target.smile, target.background[..., 0, 0], seam.line):
        assert len(np.unique(values)) > 12  # two may have a closed mouth


def test_half_of_the_identities_and_of_the_targets_of_each_are_women(shown):
    source, target, _ = map(by_identity, shown)
    lash = source.lash[:, 0]  # .62 for a woman of 25, .20 for a man, spread .15
    assert lash[1::2].mean() - lash[::2].mean() > 0.2
    assert (target.stubble[:, 1::2] == 0).all()
    assert (target.stubble[:, ::2] > 0).all()


def test_nobody_is_in_the_release_among_the_portraits_or_of_another_seed(shown):
    source, target, _ = shown
    world, (sources, targets) = create_world(1, sources=2, targets=24), create_people(1, 24)
    others = create_identities(2, identities=6, pictures=4)
    for inner in (world.sources.faces, sources.faces, others[0]):
        assert not np.intersect1d(source.lip_color, inner.lip_color).size
    for outer in (world.targets.faces, targets.faces, others[1]):
        assert not np.intersect1d(target.texture, outer.texture).size


def test_a_folder_with_other_things_in_it_is_not_touched(tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="is not empty"):
        write_identities(tmp_path, **SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(faces, "render", stop)
    with pytest.raises(KeyboardInterrupt):
        write_identities(tmp_path / "w", **SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["identities", "pictures", "size"])
def test_a_number_that_makes_no_folder_is_refused(tmp_path, option):
    with pytest.raises(ValueError, match=f"{option} is 0, expected 1 to"):
        write_identities(tmp_path / "w", **{**SMALL, option: 0})
    assert list(tmp_path.iterdir()) == []
