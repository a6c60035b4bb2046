"""All settings of a run, in one config: training, evaluation and anonymization each declare their part."""

from ml_collections import ConfigDict

from perface_jax import settings
from perface_jax.anonymization import settings as anonymization
from perface_jax.evaluation import settings as evaluation
from perface_jax.training import config_schema

FIELDS = (*config_schema.FIELDS, *evaluation.FIELDS, *anonymization.FIELDS)


def of_task(task: str) -> list[settings.Field]:
    """The fields in the configs of a task."""
    return [field for field in FIELDS if task in field.tasks]


def default(task: str) -> ConfigDict:
    """The config of a task with every field at its default, locked."""
    return settings.default(FIELDS, task)


def check(config: ConfigDict) -> None:
    """Raise a ValueError if a field is missing, unknown or wrong, before anything is read or written."""
    settings.refuse_unknown(config, FIELDS)
    settings.check(config, FIELDS)
