"""What a training says before and after: what is in the config and the log, in lines of 80 columns."""

import json
import types

import numpy as np
import pytest

from perface_jax.training import outlook

CPU = types.SimpleNamespace(platform="cpu")


def _mesh(groups, data=1):
    shape, devices = {"replica": groups, "data": data}, groups * data
    return types.SimpleNamespace(size=devices, shape=shape, devices=np.array([CPU] * devices, object))


def _config(**fields):
    return types.SimpleNamespace(
        **{"task": "triplets", "batch_size": 32, "init": "models/a", "export": "best"} | fields
    )


def _run(folder, models, lines):
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name, steps in models.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "model.json").write_text(json.dumps({"source": {"steps": steps}}))
    return [folder / name for name in models]


def test_a_run_says_how_many_steps_of_what_on_which_devices():
    said = outlook.planned(_config(), _mesh(1), devices=1, runs=1, epochs=(39,), first=0, last=1560, workdir="a")
    assert said[0] == "Training in a: one run on 1 device (cpu), from models/a."
    assert " ".join(said[1].split()) == (
        "1,560 steps of 32 triplets each, 39 in one pass over the data; Ctrl-C saves and stops."
    )


def test_a_sweep_that_continues_says_so():
    config = _config(task="identities", init="")
    numbers = {"runs": 30, "epochs": (39, 41), "first": 400, "last": 1560, "workdir": "w"}
    said = outlook.planned(config, _mesh(8), devices=8, **numbers)
    assert " ".join(said[0].split()) == (
        "Training in w: 30 runs as one program on 8 devices (cpu), 4 runs in turn, from random weights."
    )
    assert said[1].startswith("continues at step 400 of 1,560 of 32 pictures each, 39 to 41 in one pass")


def test_devices_that_are_not_used_are_said():
    numbers = {"epochs": (39,), "first": 0, "last": 1560, "workdir": "w"}
    said = outlook.planned(_config(), _mesh(30, 4), devices=256, runs=30, **numbers)
    assert " ".join(said[0].split()) == (
        "Training in w: 30 runs as one program on 120 of 256 devices (cpu), 4 for each run, from models/a."
    )
    said = outlook.planned(_config(), _mesh(1, 4), devices=8, runs=1, **numbers)
    assert " ".join(said[0].split()) == "Training in w: one run on 4 of 8 devices (cpu), from models/a."


def test_the_end_says_the_best_score_what_it_is_worth_and_where_the_model_is(tmp_path):
    by_step = {0: (2, 1), 5: (4, 0), 10: (3, 3)}  # of 4 triplets of each source
    lines = []
    for step, (a, b) in by_step.items():
        facts = {"validation_by_source": {"1": [a, 4], "2": [b, 4]}}
        lines.append({"step": step, "validation_accuracy": (a + b) / 8, **facts})
    models = _run(tmp_path, {"model": 10}, lines)
    said = outlook.found(_config(), tmp_path, models)
    assert max(len(line) for text in said for line in text.splitlines()) <= 80 or str(tmp_path) in said[-1]
    first, second, third = (" ".join(text.split()) for text in said)
    assert first == (
        "Accuracy on validation triplets: 0.375 at the start, 0.750 with the model kept (the best, of step 10)."
    )
    # Without source 1, step 10 is chosen, which has 3 of source 1; without source 2 step 5, which has 0 of source 2.
    assert second.startswith(
        "The best of 3 validations on 2 sources is partly luck; on new sources expect about 0.375,"
    )
    assert third == f"The model: {tmp_path / 'model'}. Next: perface evaluate --workdir={tmp_path}"


def test_of_a_sweep_means_and_ranges_are_said(tmp_path):
    scores = {"seed=0": (0.5, 0.7), "seed=1": (0.5, 0.9)}
    lines = [
        {"step": step, "replica": name, "validation_accuracy": of_run[i]}
        for name, of_run in scores.items()
        for i, step in enumerate((0, 5))
    ]
    models = _run(tmp_path, {"models/seed=0": 5, "models/seed=1": 5}, lines)
    said = [" ".join(text.split()) for text in outlook.found(_config(export="last"), tmp_path, models)]
    kept = "0.800 [0.700, 0.900] with the model kept (the last, in 2 runs)."
    assert said[0] == f"Accuracy on validation triplets: 0.500 [0.500, 0.500] at the start, {kept}"
    assert said[1].startswith(f"The model: {tmp_path / 'models'}, 2 models.")


@pytest.mark.parametrize("task", ["triplets", "identities"])
def test_a_run_without_validation_says_so(tmp_path, task):
    models = _run(tmp_path, {"model": 3}, [{"step": 1, "loss": 0.1}])
    assert outlook.found(_config(task=task), tmp_path, models)[0].startswith("Nothing was validated")


def test_what_to_make_smaller_comes_with_its_numbers():
    model = types.SimpleNamespace(width=64, image_size=112, remat=False)
    config = _config(evaluation_batch_size=64, model=model, feed="on_device")
    assert outlook.smaller(config, 1) == (
        "Lower config.batch_size (32 triplets of three pictures now), config.evaluation_batch_size (64),"
        " config.model.width (64) or config.model.image_size (112); config.model.remat=True takes less memory and more"
        " time; config.feed=disk does not keep all pictures on every device, as on_device does"
    )
    model.remat = True
    assert outlook.smaller(config, 6).endswith("(112) or the values of config.sweep (6 runs are trained at a time)")
