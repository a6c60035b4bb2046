"""Every family against a float64 twin of its network; keys that several families share are never guessed."""

import functools
import json
import re

import numpy as np
import pytest
import torch

import converters
from converters import arcface_torch, families
from perface_jax import embed, load_model
from perface_jax.commands import convert
from tests import family_twins
from tests.golden import formula

TINY = {"width": 4, "image_size": 16, "embedding_size": 8}
TOLERANCE = 5e-6  # of the largest absolute value
PICTURES = np.ascontiguousarray(formula.pictures(4)[:, ::7, ::7])
PLAIN = {"norm_before_prelu": False}
RGB, BGR = {"bgr": False, "black": -1, "white": 1}, {"bgr": True, "black": -1, "white": 1}
MAGFACE = {"bgr": True, "black": 0, "white": 1}
BY_128 = {"bgr": False, "black": -127.5 / 128, "white": 127.5 / 128}


def ir(layers=(1, 1, 1, 1), **options):
    return functools.partial(_ir, layers, options)


def _ir(layers, options):
    torch.manual_seed(0)
    return family_twins.with_weights(family_twins.Ir(layers, **TINY, **options))


def arcface(epsilon, free_scale, layers=(1, 1, 1, 1)):
    options = {"epsilon": epsilon, "free_scale": free_scale, "layers": layers}
    return functools.partial(family_twins.arcface, **options, **TINY)


# Family: a twin of its network, and the pictures that its code feeds.
TWINS = {
    "arcface_torch": (arcface(1e-5, False, (1, 2, 1, 1)), RGB),
    "blendface": (arcface(1e-5, False), RGB),
    "magface": (arcface(2e-5, True), MAGFACE),
    "pytorch_insightface": (arcface(2e-5, True), BY_128),
    "adaface": (ir((2, 1, 1, 1)), BGR),
    "tface": (ir(), RGB),
    "cvlface": (ir(), RGB),
    "face_evolve": (ir(affine=True, **PLAIN), RGB),
    "curricularface": (ir(**PLAIN), RGB),
    "insightface_pytorch": (ir((1, 1, 2, 1), affine=True, **PLAIN), RGB),
}


def relative_error(seen, wanted):
    return np.abs(seen - wanted).max() / np.abs(wanted).max()


@functools.cache
def twin(family):
    make, pictures = TWINS[family]
    network = make()
    return network.state_dict(), family_twins.embeddings(network, PICTURES, **pictures)


def test_every_family_has_a_twin():
    assert TWINS.keys() == families.FAMILIES.keys()


@pytest.mark.parametrize("family", TWINS)
def test_a_family_embeds_as_its_own_code_does(family):
    state_dict, wanted = twin(family)
    model, variables = converters.from_state_dict(state_dict, family=family)
    assert relative_error(embed(model, variables, PICTURES), wanted) < TOLERANCE
    assert model.folded_norms == ("input_layer.0.weight" in state_dict)


@pytest.mark.parametrize("wrong", [{"color_order": "rgb"}, {"input_range": (-1, 1)}, {"epsilon": 1e-5}], ids=str)
def test_each_field_of_the_contract_counts(wrong):
    state_dict, wanted = twin("magface")
    model, variables = converters.from_state_dict(state_dict, family="magface", **wrong)
    assert relative_error(embed(model, variables, PICTURES), wanted) > 1e-3


def test_the_contract_is_kept_by_the_model_folder_and_by_the_module_itself(tmp_path):
    state_dict, wanted = twin("magface")
    torch.save({"state_dict": {f"features.module.{name}": x for name, x in state_dict.items()}}, tmp_path / "m.pth")
    arcface_torch.main([str(tmp_path / "m.pth"), "--family=MagFace", "--out", str(tmp_path / "model")])
    record = json.loads((tmp_path / "model" / "model.json").read_text())
    assert (record["color_order"], record["input_range"], record["epsilon"]) == ("bgr", [0, 1], 2e-5)
    model, variables = load_model(tmp_path / "model")
    assert relative_error(embed(model, variables, PICTURES), wanted) < TOLERANCE
    seen = model.apply(variables, PICTURES.astype(np.float32) / 127.5 - 1)
    assert relative_error(seen, wanted) < TOLERANCE


def test_flags_replace_what_the_family_says(tmp_path, capsys):
    torch.save(twin("adaface")[0], tmp_path / "a.ckpt")
    flags = ["--color_order=rgb", "--input_range=-127.5/128,127.5/128", "--epsilon=2e-5"]
    convert.main([str(tmp_path / "a.ckpt"), "--family=adaface", *flags, "--out", str(tmp_path / "model")])
    model = load_model(tmp_path / "model")[0]
    assert (model.color_order, model.input_range, model.epsilon) == ("rgb", families.BY_128, 2e-5)
    with pytest.raises(SystemExit, match="2"):
        convert.main([str(tmp_path / "a.ckpt"), "--family=adaface", "--input_range=dark", "--out", "x"])
    assert "--input_range: saw 'dark', wanted two numbers" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        convert.main([str(tmp_path / "a.ckpt"), "--out", str(tmp_path / "other")])
    assert "Say --family=adaface" in capsys.readouterr().err


def test_one_layout_and_one_contract_need_no_family():
    model, _ = converters.from_state_dict(twin("face_evolve")[0])
    assert (model.color_order, model.input_range, model.epsilon) == ("rgb", (-1, 1), 1e-5)


@pytest.mark.parametrize(
    ("family", "wanted"),
    [
        ("magface", r"magface: BGR in \[0, 1\], epsilon 2e-05.*pytorch_insightface: RGB.*--family=magface"),
        ("pytorch_insightface", r"--color_order, --input_range$"),
        ("adaface", r"adaface: BGR.*tface, cvlface: RGB.*--family=adaface.*--color_order$"),
        ("tface", r"adaface: BGR.*tface, cvlface: RGB"),
    ],
)
def test_keys_that_families_share_are_not_guessed(family, wanted):
    with pytest.raises(ValueError, match=wanted):
        converters.from_state_dict(twin(family)[0])


@pytest.mark.parametrize("counters", [0, None])
def test_keys_of_arcface_torch_that_it_need_not_have_trained_are_not_guessed(counters):
    # pytorch-insightface's weights come from MXNet: their scale is all ones, their counters are 0.
    state_dict = {k: x for k, x in twin("arcface_torch")[0].items() if not k.endswith("num_batches_tracked")}
    norms = [k.removesuffix("running_var") for k in state_dict if k.endswith("running_var")]
    state_dict |= {} if counters is None else {f"{norm}num_batches_tracked": torch.tensor(0) for norm in norms}
    with pytest.raises(ValueError, match="arcface_torch, blendface: RGB.*magface.*pytorch_insightface"):
        converters.from_state_dict(state_dict)
    assert converters.from_state_dict(state_dict, family="arcface_torch")[0].epsilon == 1e-5
    arcface_torch.convert(state_dict)


def test_weights_that_arcface_torch_has_trained_need_no_family():
    assert converters.from_state_dict(twin("arcface_torch")[0])[0].epsilon == 1e-5


def test_what_differs_between_the_families_may_be_given_in_their_place():
    model, _ = converters.from_state_dict(twin("adaface")[0], color_order="BGR")
    assert model.color_order == "bgr"
    given = {"color_order": "rgb", "input_range": (-1, 1), "epsilon": 1e-5}
    assert converters.from_state_dict(twin("magface")[0], **given)[0].epsilon == 1e-5


def test_a_lightning_checkpoint_of_adaface_is_known_by_its_head():
    inside = {f"model.{name}": x for name, x in twin("adaface")[0].items()}
    checkpoint = {
        "state_dict": {**inside, "head.kernel": torch.zeros(8, 5)},
        "hyper_parameters": {"arch": "ir_18", "head": "adaface"},
        "pytorch-lightning_version": "1.4.4",
    }
    model, variables = converters.from_state_dict(checkpoint)
    assert (model.color_order, model.layers) == ("bgr", (2, 1, 1, 1))
    assert relative_error(embed(model, variables, PICTURES), twin("adaface")[1]) < TOLERANCE


@pytest.mark.parametrize("spelled", ["face.evoLVe", "face_evolve", "FaceEvolve"])
def test_a_family_may_be_spelled_in_any_way(spelled):
    assert families.named(spelled) == "face_evolve"


def test_other_names_of_families_and_other_keys_are_refused():
    with pytest.raises(ValueError, match="unknown family 'vggface'; wanted auto or one of arcface_torch"):
        families.named("vggface")
    with pytest.raises(ValueError, match="not the keys of magface; .*adaface"):
        converters.from_state_dict(twin("adaface")[0], family="magface")
    with pytest.raises(ValueError, match="features.weight must be all ones.*magface, pytorch_insightface"):
        converters.from_state_dict(twin("magface")[0], family="arcface_torch")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"color_order": "gbr"}, "color_order 'gbr', wanted one of rgb, bgr"),
        ({"input_range": (1, 0)}, r"input_range \(1.0, 0.0\), wanted"),
        ({"input_range": (0, float("nan"))}, "input_range"),
        ({"epsilon": 0}, "epsilon 0.0, wanted a positive number"),
    ],
)
def test_contracts_that_no_network_has_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        converters.from_state_dict(twin("tface")[0], family="tface", **wrong)


def test_missing_keys_have_the_names_of_the_family():
    state_dict = dict(twin("face_evolve")[0])
    del state_dict["body.1.res_layer.3.weight"], state_dict["output_layer.3.bias"]
    state_dict["body.1.odd"] = torch.zeros(2)
    with pytest.raises(ValueError, match="missing") as error:
        converters.from_state_dict(state_dict)
    assert str(error.value).splitlines()[1:] == [
        "+ body.1.odd [2]",
        "- body.1.res_layer.3.weight [8, 8, 3, 3]",
        "- output_layer.3.bias [8]",
    ]


@pytest.mark.slow  # the same networks, tiny, are compared above
@pytest.mark.parametrize("name", json.loads((formula.FOLDER / "families_keys.json").read_text()))
def test_the_public_code_of_a_family_gives_the_same_embeddings(name):
    family = next(family for family in families.FAMILIES if name.startswith(family))
    with np.load(formula.FOLDER / "families.npz") as stored:
        wanted = stored[name]
    model, variables = converters.from_state_dict(formula.family_state_dict(name), family=family)
    assert re.search(r"\d+$", name)[0] == model.arch.removeprefix("r")
    error = relative_error(embed(model, variables, formula.pictures()), wanted)
    print(f"{name}: {error:.1e}")
    assert error < TOLERANCE
