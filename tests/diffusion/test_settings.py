"""The sizes of the networks, from the files of the checkpoints."""

import json

import pytest

from perface_jax.diffusion import settings
from tests.diffusion import small


def test_the_defaults_are_those_of_the_real_checkpoints():
    assert small.read_settings("real") == settings.Settings()


def test_small_settings_are_read_and_written():
    made = small.read_settings("small")
    assert made.unet.heads == (2, 4, 8, 8)
    assert made.vae.factor == 8
    assert settings.from_record(json.loads(json.dumps(settings.to_record(made)))) == made
    with pytest.raises(ValueError, match="wanted"):
        settings.from_record({"unet": {}})


@pytest.mark.parametrize(
    ("read", "config", "said"),
    [
        (settings.read_unet, {"use_linear_projection": False}, "use_linear_projection of the unet is False"),
        (settings.read_vae, {"act_fn": "gelu"}, "act_fn of the vae is 'gelu'"),
        (settings.read_encoder, {"vision_config": {"hidden_act": "gelu"}}, "hidden_act of the image_encoder"),
        (settings.read_schedule, {"prediction_type": "epsilon"}, "prediction_type of the scheduler is 'epsilon'"),
    ],
)
def test_what_would_be_computed_wrongly_is_refused(read, config, said):
    with pytest.raises(ValueError, match=said):
        read(config)


def test_one_number_of_heads_is_for_all_blocks():
    assert settings.read_unet({"attention_head_dim": 8}).heads == (8, 8, 8, 8)
