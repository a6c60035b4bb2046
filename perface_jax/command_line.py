"""What `train.py` and `evaluate.py` share: flags that are read, or refused in one line."""

import re
from collections.abc import Sequence

from absl import flags

from perface_jax import sweeps


def parse(arguments: Sequence[str]) -> list[str]:
    """Read the flags; for `absl.app.run(main, flags_parser=parse)`.

    Raises:
      SystemExit: a field that the config does not have, or values that do not fit; names the closest field, and what
        may be swept.
    """
    try:
        return flags.FLAGS(list(arguments))
    except (AttributeError, KeyError) as error:
        missing = re.search(r"\w+", str(error)).group()
        named = next((argument for argument in arguments if missing in argument), missing)
        reason = f"the config has no field {missing!r}: {named}"
        if close := re.search(r'mean "(\w+)"', str(error)):
            reason += f"; did you mean {close.group(1)!r}?"
        if ".sweep." in named:
            reason += (
                ". Only what leaves the shapes and the data set of the one program alone can be swept:"
                f" {', '.join(sweeps.FIELDS)}. Start one run for each value instead."
            )
        raise SystemExit(reason) from error
    except (ValueError, TypeError, OSError, flags.Error) as error:
        raise SystemExit(str(error)) from error
