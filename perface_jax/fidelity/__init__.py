"""What an anonymized face preserves of the original: the picture by region, skin, light, expression and pose.

Pictures are RGB from 0 to 255, uint8, or floating for gradients; landmarks come in any layout of
`perface_jax.landmarks`. Estimators use picture and landmarks only. Everything is pure JAX, with one number per picture.
"""

from perface_jax.fidelity.expression import Expression, ExpressionDistance, expression_distance, measure_expression
from perface_jax.fidelity.lighting import Lighting, fit_lighting, light_angle, light_direction, relight
from perface_jax.fidelity.pose import Pose, PoseError, head_pose, pose_error
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
    skin_color,
    skin_difference,
)

__all__ = [
    "CELEBAMASK_HQ",
    "FACE_PARSING",
    "PERCEPTFACE",
    "Expression",
    "ExpressionDistance",
    "Lighting",
    "Pose",
    "PoseError",
    "Regions",
    "SkinDifference",
    "expression_distance",
    "face_region",
    "fit_lighting",
    "head_pose",
    "individual_typology_angle",
    "l1",
    "label_regions",
    "landmark_regions",
    "light_angle",
    "light_direction",
    "match_skin_color",
    "measure_expression",
    "perceptual_loss",
    "pose_error",
    "psnr",
    "relight",
    "rmse",
    "skin_color",
    "skin_difference",
    "ssim",
]
