"""How `perface train` ends when it is told to stop; tests/training has what a run leaves behind."""

from perface_jax.training import preemption
from tests import processes
from tests.conftest import QUICK

STOPPED = """
import runpy, sys
from perface_jax.training import preemption, trainer

def stopped(config, workdir, **_):
    raise preemption.Preempted(f"told to stop in {workdir}")

trainer.train = stopped
sys.argv = ["train.py", "--config=configs/perface_r50.py:smoke", "--workdir=runs/mine"]
runpy.run_path("train.py", run_name="__main__")
"""


def test_a_run_told_to_stop_exits_with_75_and_says_so():
    assert preemption.EXIT_CODE == 75
    assert processes.run("-c", STOPPED, expect=75, xla_flags=QUICK) == "told to stop in runs/mine\n"
