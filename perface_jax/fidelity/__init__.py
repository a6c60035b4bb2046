"""What an anonymised face kept of the original: picture quality by region, and the colour of the skin.

Pictures are uint8 RGB [..., H, W, 3] (floating 0..255 where gradients are wanted), landmarks any layout of
`perface_jax.landmarks`. Estimators see picture and landmarks only. Everything is pure JAX, one figure a picture.
"""

from perface_jax.fidelity.quality import PERCEPTFACE, l1, perceptual_loss, psnr, rmse, ssim
from perface_jax.fidelity.regions import (
    CELEBAMASK_HQ,
    FACE_PARSING,
    Regions,
    face_region,
    label_regions,
    landmark_regions,
)
from perface_jax.fidelity.skin import (
    SkinDifference,
    individual_typology_angle,
    match_skin_color,
    skin_colour,
    skin_difference,
)

__all__ = [
    "CELEBAMASK_HQ",
    "FACE_PARSING",
    "PERCEPTFACE",
    "Regions",
    "SkinDifference",
    "face_region",
    "individual_typology_angle",
    "l1",
    "label_regions",
    "landmark_regions",
    "match_skin_color",
    "perceptual_loss",
    "psnr",
    "rmse",
    "skin_colour",
    "skin_difference",
    "ssim",
]
