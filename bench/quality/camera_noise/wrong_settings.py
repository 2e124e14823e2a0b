"""State wrong gains and offsets of cameras, and count what the doctor says of them."""

from __future__ import annotations

import tomllib

from bench.quality.camera_noise.simulated import Recorded, compared, recorded
from bench.report import Row
from livesim.config.settings import Camera, Settings
from livesim.reconstruction.doctor.examine import examine
from livesim.reconstruction.noise_model import settings_noise
from livesim.values.finding import Fault, Finding

PLANTED = ("none", "gain x 1.3", "gain x 2", "gain / 2", "offset + 100", "offset - 100")
MATTERS = 1.26


def planted_rows(seeds: range) -> list[Row]:
    """Return how often the doctor finds wrong settings of a camera, and accuses right ones."""
    recordings = [one for one in map(recorded, seeds) if one.kind in ("sCMOS", "CCD")]
    return [_planted_row(what, recordings) for what in PLANTED]


def _planted_row(what: str, recordings: list[Recorded]) -> Row:
    noise = offset = either = shared = matters = good = 0
    for one in recordings:
        camera = _planted(one.camera, what)
        settings = Settings(optics=one.optics, camera=camera)
        findings = examine(one.frames, settings, 1000.0 * one.pixel_um).findings
        faults = {finding.fault for finding in findings}
        about = faults & {Fault.WRONG_NOISE, Fault.WRONG_OFFSET}
        noise += Fault.WRONG_NOISE in faults
        offset += Fault.WRONG_OFFSET in faults
        shared += Fault.SHARED_NOISE in faults
        either += bool(about)
        matters += _off(camera, one) > MATTERS
        good += bool(about) and _off(_mended(camera, findings), one) < 1.2
    return {
        "planted": what,
        "recordings": len(recordings),
        f"variance off by more than {MATTERS:g}": matters,
        "said: noise": noise,
        "said: offset": offset,
        "said: either": either,
        "mended within 20 %": good,
        "said: shared": shared,
    }


def _planted(camera: Camera, what: str) -> Camera:
    """Return wrong settings."""
    factor = {"gain x 1.3": 1.3, "gain x 2": 2.0, "gain / 2": 0.5}.get(what, 1.0)
    more = {"offset + 100": 100.0, "offset - 100": -100.0}.get(what, 0.0)
    return camera.model_copy(
        update={"gain": factor * camera.gain, "offset": max(camera.offset + more, 0.0)}
    )


def _off(camera: Camera, one: Recorded) -> float:
    """Return by what factor the settings' variance is wrong in typical light."""
    ratio, _ = compared(settings_noise(camera), one, camera)
    return float(max(ratio, 1.0 / max(ratio, 1e-9)))


def _mended(camera: Camera, findings: tuple[Finding, ...]) -> Camera:
    """Return the settings with all mending lines of the camera in them."""
    lines: dict[str, float] = {}
    for finding in findings:
        lines |= tomllib.loads(finding.mend or "").get("camera", {})
    return Camera(**(camera.model_dump() | lines))
