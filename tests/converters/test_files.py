"""Where a model came from. (Impostors are met in test_arcface_torch and test_arcface_onnx.)"""

from converters import files


def test_the_provenance_is_the_name_and_the_digest(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"abc")
    assert files.provenance(tmp_path / "weights.pth") == {
        "file": "weights.pth",
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",  # of "abc", FIPS 180-2
    }
