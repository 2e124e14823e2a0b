"""Compare what `livesim bench` has measured with what others have published of their speed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from livesim.speed.floor import RECONSTRUCTION, STEP_ONE, STEP_TWO

PRECISION = "float32"
"""In which rates and times are compared: the others say of none that they used another."""


@dataclass(frozen=True, slots=True)
class Published:
    """How fast another program was on another machine."""

    program: str
    source: str
    job: str
    milliseconds: float
    """For one super-resolved image."""
    device: str
    peak_gflops: float | None
    """In float32, by the maker's specification; None where the source does not name the device."""
    stages: tuple[str, ...]
    """Of ours, which together do such a job."""


GTX_1080_TI_GFLOPS = 2 * 3584 * 1.582
"""Two operations in each of its cores at 1.582 GHz (NVIDIA's specification, boost clock)."""

ML_SIM = Published(
    program="ML-SIM",
    source="Christensen et al., Biomed. Opt. Express 12 (2021) 2720",
    job="a network makes an image of 9 frames of 512 x 512",
    milliseconds=170.0,
    device="GTX 1080 Ti",
    peak_gflops=GTX_1080_TI_GFLOPS,
    stages=(RECONSTRUCTION, f"{STEP_ONE}, {PRECISION}", f"{STEP_TWO}, {PRECISION}"),
)
HEXSIM = Published(
    program="hexSIM",
    source="Gong et al., Phil. Trans. R. Soc. A 379 (2021) 20200162",
    job="an image of 7 frames of 512 x 512 is reconstructed, 34 a second",
    milliseconds=1000.0 / 34.0,
    device="a GPU that the abstract does not name",
    peak_gflops=None,
    stages=(RECONSTRUCTION,),
)
PUBLISHED = (ML_SIM, HEXSIM)
SIZE = 512
"""Rows and columns of their raw frames; ours is compared at the same."""


@dataclass(frozen=True, slots=True)
class Beside:
    """One published figure and ours on one device."""

    other: Published
    device: str
    milliseconds: float
    gflops: float
    """Of a matrix product in the same run."""

    @property
    def rates(self) -> float | None:
        """How many times the other's rate ours is."""
        return None if self.other.peak_gflops is None else self.gflops / self.other.peak_gflops

    @property
    def times(self) -> float | None:
        """How many times as long as ours theirs would take, were its device as fast as ours."""
        rates = self.rates
        return None if rates is None else self.other.milliseconds / rates / self.milliseconds


def beside(found: dict[str, Any]) -> Iterator[Beside]:
    """Yield ours beside each published figure, for every device on which all of it was timed."""
    if found["size"] != SIZE:
        return
    for limit in found["limits"]:
        took = {
            stage["name"]: stage["times"]["median_ms"]
            for stage in found["stages"]
            if stage["device"] == limit["device"]
        }
        for other in PUBLISHED:
            if took.keys() >= set(other.stages):
                ours = sum(took[name] for name in other.stages)
                yield Beside(other, limit["device"], ours, limit["gemm_gflops"][PRECISION])
