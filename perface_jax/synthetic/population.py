"""The population of the synthetic world: distributions of the face parameters by gender and age.

Every parameter is a mean (a woman of 25) + a shift for men + a shift per decade + a spread times a standard normal
latent, clipped at 2.2 spreads. Units as in `face_shape`; `age` is in years, `female` is 0 or 1.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Float32

from perface_jax.arrays import AnyArray, Array, PRNGKey
from perface_jax.synthetic.face_shape import Seam, Source, Target

# name: (mean, shift of men, shift per decade over 25, spread)
SOURCE = {
    "eye_spacing": (0.500, 0.004, 0.000, 0.026),
    "eye_height": (0.000, 0.005, 0.000, 0.022),
    "eye_width": (0.236, -0.008, -0.003, 0.017),
    "eye_opening": (0.108, -0.014, -0.005, 0.016),
    "eye_tilt": (0.090, -0.050, -0.020, 0.070),
    "lid_fold": (0.066, -0.016, -0.004, 0.018),
    "iris_radius": (0.100, 0.000, 0.000, 0.004),
    "lash": (0.620, -0.420, -0.050, 0.150),
    "brow_height": (0.325, -0.050, -0.004, 0.034),
    "brow_thickness": (0.048, 0.017, 0.000, 0.009),
    "brow_arch": (0.056, -0.028, 0.000, 0.022),
    "brow_tilt": (0.020, -0.015, -0.005, 0.034),
    "brow_length": (0.680, 0.030, 0.000, 0.040),
    "brow_density": (0.740, 0.080, -0.030, 0.130),
    "nose_length": (0.540, 0.025, 0.012, 0.042),
    "nose_width": (0.255, 0.035, 0.008, 0.027),
    "nose_bridge": (0.100, 0.014, 0.003, 0.017),
    "nose_height": (0.280, 0.030, 0.005, 0.048),
    "nose_bulb": (0.980, 0.120, 0.040, 0.160),
    "nose_turn": (0.520, -0.120, -0.030, 0.220),
    "mouth_height": (1.095, 0.025, 0.008, 0.034),
    "mouth_width": (0.385, 0.022, 0.004, 0.036),
    "upper_lip": (0.090, -0.018, -0.009, 0.019),
    "lower_lip": (0.136, -0.018, -0.009, 0.023),
    "cupid_bow": (0.600, -0.150, -0.050, 0.250),
    "fold_depth": (0.080, 0.060, 0.160, 0.070),
}
TARGET = {
    "face_width": (1.090, 0.040, 0.004, 0.036),
    "jaw_width": (0.960, 0.100, 0.008, 0.040),
    "chin_height": (1.800, 0.080, 0.000, 0.055),
    "chin_width": (0.940, 0.160, 0.010, 0.080),
    "cheek": (0.560, -0.120, -0.030, 0.220),
    "brow_ridge": (0.120, 0.520, 0.020, 0.150),
    "wrinkles": (0.000, 0.050, 0.180, 0.060),
    "flush": (0.380, 0.040, 0.020, 0.160),
    "gray": (-0.500, 0.060, 0.230, 0.140),
    "hairline": (0.990, 0.020, 0.022, 0.075),
    "hair_top": (0.190, -0.020, -0.010, 0.045),
    "hair_side": (0.210, -0.130, -0.008, 0.045),
    "parting": (0.000, 0.000, 0.000, 0.280),
    "wave": (0.450, -0.150, 0.000, 0.300),
    "light_strength": (0.720, 0.000, 0.000, 0.070),
    "light_warmth": (0.100, 0.000, 0.000, 0.450),
    "shine": (0.500, 0.080, -0.030, 0.200),
    "yaw": (0.000, 0.000, 0.000, 0.130),
    "pitch": (0.010, 0.000, 0.000, 0.070),
    "roll": (0.000, 0.000, 0.000, 0.030),
    "brow_raise": (0.000, 0.000, 0.000, 0.420),
    "eye_open": (1.000, 0.000, -0.010, 0.070),
}
UNIT = ("lash", "brow_density", "nose_turn", "cupid_bow", "fold_depth", "cheek", "brow_ridge", "wrinkles")
UNIT += ("flush", "gray", "wave", "shine")  # these live in 0..1

# palettes: a number from 0 to 1 drawn at random, and linear RGB there
IRIS = (
    (0.0, 0.030, 0.013, 0.007), (0.45, 0.085, 0.036, 0.014), (0.62, 0.17, 0.10, 0.035), (0.74, 0.15, 0.17, 0.085),
    (0.88, 0.13, 0.20, 0.28), (1.0, 0.20, 0.27, 0.33),
)  # fmt: skip
HAIR = (
    (0.0, 0.010, 0.008, 0.008), (0.30, 0.024, 0.014, 0.010), (0.55, 0.060, 0.030, 0.016), (0.72, 0.13, 0.068, 0.032),
    (0.80, 0.17, 0.055, 0.020), (0.90, 0.30, 0.18, 0.075), (1.0, 0.46, 0.32, 0.17),
)  # fmt: skip
SKIN = (
    (0.0, 0.78, 0.535, 0.425), (0.45, 0.68, 0.41, 0.295), (0.70, 0.50, 0.265, 0.165), (0.85, 0.27, 0.120, 0.068),
    (1.0, 0.14, 0.056, 0.032),
)  # fmt: skip
LIPS = (0.0, 0.84, 0.56, 0.54), (0.60, 0.78, 0.42, 0.42), (0.85, 0.70, 0.26, 0.29), (1.0, 0.60, 0.12, 0.16)
BROW = (0.0, 0.012, 0.009, 0.008), (0.50, 0.030, 0.017, 0.012), (0.80, 0.080, 0.042, 0.023), (1.0, 0.17, 0.10, 0.052)


def _palette(palette, share):
    knots, colors = np.split(np.array(palette, np.float32), [1], axis=1)
    return jax.vmap(lambda channel: jnp.interp(share, knots[:, 0], channel), 1, 1)(colors)


def _plain(table, latent, female, decades):
    values = {}
    for i, (name, (mean, men, decade, spread)) in enumerate(table.items()):
        z = jnp.clip(latent[:, i], -2.2, 2.2)
        value = mean + men * (1.0 - female) + decade * decades + spread * z
        values[name] = jnp.clip(value, 0.0, 1.0) if name in UNIT else value
    return values


def source_latents(key: PRNGKey, n: int) -> Float32[Array, "{n} 29"]:
    """Standard normal latents of `n` inner faces; mixtures of them give similar faces."""
    return jax.random.normal(key, (n, len(SOURCE) + 3))


@jax.jit
def describe_sources(
    latent: Float[AnyArray, "n 29"], female: Float[AnyArray, " n"], age: Float[AnyArray, " n"]
) -> Source:
    """Inner faces from their standard normal latents."""
    decades = (age - 25.0) / 10.0
    iris, brow, lips = (jax.scipy.stats.norm.cdf(latent[:, len(SOURCE) + i]) for i in range(3))
    return Source(
        **_plain(SOURCE, latent, female, decades),
        iris_color=_palette(IRIS, iris),
        brow_color=_palette(BROW, brow),
        lip_color=_palette(LIPS, lips * (0.55 + 0.45 * female)),
    )


def sample_sources(key: PRNGKey, female: Float[AnyArray, " n"], age: Float[AnyArray, " n"]) -> Source:
    """Inner faces of persons of the given genders and ages."""
    return describe_sources(source_latents(key, female.shape[0]), female, age)


def sample_targets(key: PRNGKey, female: Float[AnyArray, " n"], age: Float[AnyArray, " n"]) -> Target:
    """Everything else about persons of the given genders and ages: contour, hair, skin, light, pose, expression."""
    n = female.shape[0]
    plain, other, colors, seeds = jax.random.split(key, 4)
    return _describe_targets(
        jax.random.normal(plain, (n, len(TARGET))),
        jax.random.normal(other, (n, 20)),
        jax.random.uniform(colors, (n, 3, 3)),
        jax.random.bits(seeds, (n,), jnp.uint32),
        female,
        age,
    )


@jax.jit
def _describe_targets(latent, z, colors, seeds, female, age):
    decades = (age - 25.0) / 10.0
    values = _plain(TARGET, latent, female, decades)
    share = jax.scipy.stats.norm.cdf(z)
    dark = share[:, 0] ** 1.25
    hair = jnp.clip(share[:, 1] * (1.12 - 1.2 * jnp.clip(dark - 0.35, 0.0, 1.0)), 0.0, 1.0)
    man = female < 0.5
    bald = man & (share[:, 2] < 0.05 + 0.09 * jnp.clip(decades, 0.0, 5.0))
    long = ~man & (share[:, 3] < 0.80)
    fringe = jnp.where(share[:, 4] < 0.22, 0.55 + 0.4 * share[:, 5], 0.12 * share[:, 5])
    bearded = man & (share[:, 6] < 0.28)
    smile = jnp.clip(1.5 * share[:, 8] - 0.6, 0.0, 0.9)
    background = 0.25 + 0.60 * colors[:, :2]
    pale = 0.70 * background.mean(-1, keepdims=True) + 0.30 * background
    cloth = 0.1 + 0.7 * colors[:, 2]
    light = jnp.stack([0.70 * z[:, 10], -0.42 - 0.16 * z[:, 11], jnp.full_like(age, 0.85)], 1)
    values |= {
        "hairline": jnp.where(bald, 2.6, values["hairline"]),
        "hair_top": jnp.where(bald, -0.03, values["hair_top"]),
        "hair_side": jnp.where(bald, 0.03, values["hair_side"]),
    }
    return Target(
        **values,
        skin=_palette(SKIN, dark) * (1.0 + 0.05 * z[:, 12:13]),
        hair_color=_palette(HAIR, hair),
        hair_length=jnp.where(long, 1.3 + 1.9 * share[:, 9], 0.18 + 0.20 * share[:, 9]),
        drop=jnp.where(long, 0.62 + 0.10 * z[:, 13], 0.16 + 0.05 * z[:, 13]),
        fringe=jnp.where(bald, 0.0, fringe * (0.55 + 0.45 * female)),
        beard=jnp.where(bearded, 0.45 + 0.5 * share[:, 7], 0.0),
        stubble=jnp.where(man, share[:, 14], 0.0),
        background=pale**2.2,
        background_angle=6.2832 * share[:, 15],
        cloth=(0.55 * cloth.mean(-1, keepdims=True) + 0.45 * cloth) ** 2.2,
        light=light / jnp.linalg.norm(light, axis=1, keepdims=True),
        smile=smile,
        mouth_open=jnp.clip(1.4 * share[:, 16] - 0.95, 0.0, 0.45),
        gaze=jnp.clip(0.010 * z[:, 17:19], -0.03, 0.03),
        texture=seeds >> 4,
    )


def sample_seams(key: PRNGKey, n: int) -> Seam:
    """Mild artifacts of a swap: a trace of another color in the inner face, and a faint line around it."""
    color, line = jax.random.split(key)
    return Seam(
        offset=jnp.clip(0.035 * jax.random.normal(color, (n, 3)), -0.08, 0.08),
        line=0.05 * jax.random.uniform(line, (n,)),
    )
