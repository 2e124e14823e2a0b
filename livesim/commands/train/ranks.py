"""Find out which processes train together: those that torchrun or Slurm has started, or others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from livesim.config.settings import SettingsError
from livesim_models.training.spread import Spread, Strategy

INTERACTIVE = ("bash", "interactive")
"""Names of Slurm's jobs in which a person types; there a command is started once."""


@dataclass(frozen=True, slots=True)
class _Started:
    """What has started this process along with others."""

    by: str
    rank: int
    ranks: int
    machines: int


def spread_over(
    devices: int | None, num_nodes: int | None, strategy: Strategy, env: Mapping[str, str]
) -> Spread:
    """Return the processes of a training.

    Parameters
    ----------
    devices, num_nodes
        As asked for; None: as many as were started, or one machine with the recipe's devices.
    strategy
        Lightning's.
    env
        The environment, where torchrun, Slurm and Lightning say what they have started.

    Raises
    ------
    SettingsError
        If other processes were started than asked for, none on the other machines, or more on one
        than on another.
    """
    started = _started(env)
    if started is None:
        if num_nodes not in (None, 1):
            raise SettingsError(
                f"--num-nodes {num_nodes}: expected torchrun or Slurm's srun to start a process "
                "for every device of every machine, found neither"
            )
        # Lightning starts the others itself, and numbers them so.
        return Spread(devices, 1, strategy, first=int(env.get("LOCAL_RANK", 0)) == 0)
    each, rest = divmod(started.ranks, started.machines)
    if rest:
        raise SettingsError(
            f"expected as many processes on every machine, found {started.ranks} that "
            f"{started.by} started on {started.machines}"
        )
    _check("--num-nodes", num_nodes, started.machines, f"machines on which {started.by} started")
    _check("--devices", devices, each, f"processes a machine that {started.by} started")
    return Spread(each, started.machines, strategy, first=started.rank == 0)


def _started(env: Mapping[str, str]) -> _Started | None:
    if "TORCHELASTIC_RUN_ID" in env:
        ranks = int(env["WORLD_SIZE"])
        machines = ranks // int(env["LOCAL_WORLD_SIZE"])
        return _Started("torchrun", int(env["RANK"]), ranks, machines)
    if "SLURM_NTASKS" in env and env.get("SLURM_JOB_NAME") not in INTERACTIVE:
        ranks, machines = int(env["SLURM_NTASKS"]), int(env.get("SLURM_NNODES", 1))
        if ranks > 1 and "SLURM_STEP_ID" not in env:
            raise SettingsError(
                f"expected srun in front of the command, which starts the {ranks} processes of "
                "this job of Slurm, found none"
            )
        return _Started("Slurm", int(env.get("SLURM_PROCID", 0)), ranks, machines)
    return None


def _check(flag: str, asked: int | None, there: int, words: str) -> None:
    if asked not in (None, there):
        raise SettingsError(f"{flag} {asked}: expected {there}, the {words}")
