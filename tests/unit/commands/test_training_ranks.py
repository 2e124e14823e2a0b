"""Which processes a training is told to be spread over, and what is refused of that."""

from pathlib import Path

import pytest

from livesim.commands.train.command import prepare_folder, train_networks
from livesim.commands.train.ranks import spread_over
from livesim.config.settings import SettingsError
from livesim_models.training.spread import Spread

TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "a",
    "RANK": "5",
    "LOCAL_RANK": "1",
    "WORLD_SIZE": "8",
    "LOCAL_WORLD_SIZE": "4",
}
SLURM = {
    "SLURM_JOB_NAME": "train",
    "SLURM_NTASKS": "6",
    "SLURM_NNODES": "3",
    "SLURM_PROCID": "0",
    "SLURM_STEP_ID": "0",
}
TYPED = {"SLURM_JOB_NAME": "interactive", "SLURM_NTASKS": "4", "SLURM_NNODES": "1"}


@pytest.mark.parametrize(
    ("devices", "nodes", "env", "expected"),
    [
        (None, None, {}, Spread(None, 1, "auto", first=True)),
        (4, 1, {}, Spread(4, 1, "auto", first=True)),
        (4, None, {"LOCAL_RANK": "3", "WORLD_SIZE": "4"}, Spread(4, 1, "auto", first=False)),
        (None, None, TORCHRUN, Spread(4, 2, "auto", first=False)),
        (4, 2, {**TORCHRUN, "RANK": "0", "LOCAL_RANK": "0"}, Spread(4, 2, "auto", first=True)),
        (None, None, {**TORCHRUN, "RANK": "4", "LOCAL_RANK": "0"}, Spread(4, 2, "auto", False)),
        (None, 3, SLURM, Spread(2, 3, "auto", first=True)),
        (2, None, {**SLURM, "SLURM_PROCID": "4"}, Spread(2, 3, "auto", first=False)),
        (2, None, TYPED, Spread(2, 1, "auto", first=True)),
    ],
)
def test_what_started_the_processes_says_how_many_there_are(devices, nodes, env, expected):
    assert spread_over(devices, nodes, "auto", env) == expected


@pytest.mark.parametrize(
    ("devices", "nodes", "env", "sentence"),
    [
        (2, 2, {}, "--num-nodes 2: expected torchrun or Slurm's srun to start a process for"),
        (8, None, TORCHRUN, "--devices 8: expected 4, the processes a machine that torchrun"),
        (None, 1, SLURM, "--num-nodes 1: expected 3, the machines on which Slurm started"),
        (None, None, {**SLURM, "SLURM_STEP_ID": None}, "expected srun in front of the command"),
        (None, None, {**SLURM, "SLURM_NTASKS": "5"}, "found 5 that Slurm started on 3"),
        (None, None, {**SLURM, "SLURM_NTASKS": "1"}, "found 1 that Slurm started on 3"),
    ],
)
def test_other_processes_than_were_started_are_refused(devices, nodes, env, sentence):
    known = {name: value for name, value in env.items() if value is not None}
    with pytest.raises(SettingsError, match=sentence):
        spread_over(devices, nodes, "auto", known)


def test_all_but_the_first_process_leave_the_folder_alone(tmp_path):
    console = prepare_folder("name = 'a'\n", tmp_path / "out", Spread(first=False))
    assert console.quiet
    assert not (tmp_path / "out").exists()


def test_a_recipe_of_drawn_examples_is_for_one_process(tmp_path):
    with pytest.raises(SettingsError, match="expected one process for a recipe of drawn examples"):
        train_networks(Path("universal"), tmp_path / "out", Spread(devices=2))
