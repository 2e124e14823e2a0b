"""Trainings of several processes: they learn what one learns from twice as much, and one writes."""

import sys

import pytest
import torch
from safetensors.torch import load_file

from tests.support.processes import process

RECIPE = """
name = "small"
[one]
inputs = 9
outputs = 9
groups = 1
blocks = 1
features = 8
[two]
groups = 1
blocks = 1
features = 8
space_to_depth = 2
[scenes]
size = 32
one = 2
two = 2
validation = 1
[training]
precision = "32"
threads = 1
validate_every = {every}
[[stage]]
trains = ["one", "two"]
steps = {steps}
batch = {batch}
warm_up = 0
"""
TORCHRUN = ["torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
WAYS = {
    "livesim": ["livesim", "train", "--devices", "2"],
    "torchrun": [*TORCHRUN, "--nproc-per-node", "2", "-m", "livesim", "train"],
}
LIMIT_S = 280.0


def trained(words, folder, **numbers):
    """Train in processes of their own; return the weights of both networks."""
    recipe = folder / "recipe.toml"
    recipe.write_text(RECIPE.format(**numbers))
    with process(sys.executable, "-m", *words, recipe, "--out", folder / "out") as run:
        assert run.wait(LIMIT_S) == 0, run.text
    found = (
        load_file(folder / "out" / "stage-1" / f"{step}.safetensors") for step in ("one", "two")
    )
    return run.text, torch.cat([value.ravel() for one in found for value in one.values()])


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process learns in half the steps, of batches that are twice as large."""
    folder = tmp_path_factory.mktemp("alone")
    return trained(["livesim", "train"], folder, every=2, steps=4, batch=4)[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("way", WAYS)
def test_two_processes_learn_what_one_learns_of_twice_the_batch(way, alone, tmp_path):
    said, weights = trained(WAYS[way], tmp_path, every=4, steps=8, batch=2)
    # Sums in another order, which Adam divides by their own size: never the same to the bit.
    torch.testing.assert_close(weights, alone, rtol=0, atol=2e-4)
    assert float((weights - alone).norm() / alone.norm()) < 1e-3
    out = tmp_path / "out"
    rows = (out / "stage-1" / "log" / "metrics.csv").read_text().splitlines()
    column = rows[0].split(",").index("step")
    assert [int(row.split(",")[column]) for row in rows[1:]] == [1, 1, 3, 3]  # four updates, 0 … 3
    assert len(list((out / "stage-1" / "tensorboard").glob("events*"))) == 1
    assert said.count(f"wrote {out / 'small-one.safetensors'}") == 1
    state = torch.load(out / "stage-1" / "last.ckpt", weights_only=False)
    assert (state["steps"], state["global_step"]) == (8, 4)
