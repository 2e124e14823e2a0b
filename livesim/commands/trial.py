"""Restore one raw stack of a recording that was dropped on a page: the child of `livesim serve`.

What comes from a stranger is refused in a sentence before it costs anything: other formats than
TIFF and DeltaVision, files that name other files, settings that do, frames that are too large. The
rest is bounded by this process's memory and by the time that its starter gives it.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from PIL import Image as Pillow

from livesim.commands.calibrate import with_pixel
from livesim.commands.doctor.command import CHECKED, examine_file
from livesim.commands.doctor.findings import finding_lines, undecided_lines
from livesim.commands.restore.channels import restored_channels
from livesim.commands.restore.stacks import RestoredStack, StackRestorer
from livesim.config.channels import Channel
from livesim.config.settings import Settings, SettingsError, parse_settings
from livesim.config.toml import parse_toml
from livesim.images.grey_levels import grey_levels
from livesim.images.levels import levels_of, sampled
from livesim.io.read.open import format_of, open_planes, open_recording
from livesim.io.read.recording import Recording
from livesim.pipeline.networks import resolved
from livesim.values.errors import DataError
from livesim.values.figure import Tone
from livesim.values.pattern import WIDEFIELD_ONLY, Pattern
from livesim.values.results import Image
from livesim.values.verdict import MARKS, Trust
from livesim_gui.browser.packing import packed
from livesim_gui.browser.trial import ANSWER
from livesim_gui.browser.upload import RECORDING, SETTINGS
from livesim_models.shipped import AUTO, NONE, STEPS, shipped_models

MOST_PIXELS = 2048 * 2048
"""Of a frame."""
FORMATS = ("TIFF", "DeltaVision (.dv, .mrc)")
"""Files that are read without others, and without packages that a maker wrote."""
MOST_MEMORY = 6 << 30
"""Bytes that this process may take besides the libraries that it loads."""
NETWORKS = {step: {AUTO, NONE, *shipped_models(step)} for step in STEPS}
"""What the settings of a stranger may name; anything else could be a file of this machine."""
FAILED = (
    "expected a recording that fits into this page's memory, and settings with the numbers of a "
    "microscope, found something else: `livesim restore` says more"
)
TITLES = {"widefield": "Widefield", "plain": "Plain", "restored": "Restored"}


def run_trial(folder: Path) -> None:
    """Restore the first raw stack of the recording in a folder, and leave the answer there."""
    _limit_itself()
    (folder / ANSWER).write_bytes(answer_of(folder))


def answer_of(folder: Path) -> bytes:
    """Return the message for the page: the images and words, or why there are none."""
    raw = folder / RECORDING
    try:
        return _tried(raw, read_settings(folder / SETTINGS))
    except (DataError, SettingsError) as error:
        return packed({"refused": str(error).replace(str(raw), "the recording")})
    except MemoryError:
        return packed({"refused": "the recording takes more memory than this page may use"})
    except Exception as error:  # noqa: BLE001 - a stranger's numbers fail anywhere
        return packed({"refused": f"{FAILED} ({type(error).__name__})"})


def read_settings(file: Path) -> Settings:
    """Return what a stranger's TOML says; it may name no file.

    Raises
    ------
    SettingsError
        If it is wrong, or names one.
    """
    if not file.is_file():
        raise SettingsError("expected the settings of the microscope, found none")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError("expected settings as TOML in UTF-8, found other bytes") from error
    values = parse_toml(text, "the settings", "TOML")
    for section in ("acquisition", "simulation"):  # neither has a part in restoring
        values.pop(section, None)
    settings = parse_settings(values, "the settings")
    for name, found in _files_named(settings):
        raise SettingsError(
            f"the settings: expected no file of another machine, found {name} = {found}"
        )
    return settings


def _files_named(settings: Settings) -> list[tuple[str, object]]:
    """Return every setting that could make this machine read a file of its own."""
    each: list[Settings | Channel] = [settings, *settings.channels.values()]
    named: list[tuple[str, object]] = [("optics.otf_file", one.optics.otf_file) for one in each]
    named.append(("camera.map", settings.camera.map))
    networks = [(step, getattr(one.steps, step)) for one in each for step in STEPS]
    named += [(f"steps.{step}", name) for step, name in networks if name not in NETWORKS[step]]
    return [(name, found) for name, found in named if found is not None]


def check_recording(raw: Path) -> None:
    """Refuse what costs too much or reads more than the file itself.

    Raises
    ------
    DataError
        With what was found.
    """
    if format_of(raw).name not in FORMATS:
        raise DataError(f"{raw}: expected TIFF or DeltaVision, found {format_of(raw).name}")
    with closing(open_planes(raw)) as planes:
        if planes.others:
            raise DataError(f"{raw}: expected one file, found one that names others")
        y, x = planes.frame_shape
        if y * x > MOST_PIXELS:
            raise DataError(
                f"{raw}: expected frames of at most {MOST_PIXELS} pixels on this page, found "
                f"{y} x {x}: `livesim restore` takes them"
            )


def _limit_itself() -> None:
    """Take no more memory than is allowed, and step behind whatever else there is to do."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if hasattr(os, "nice"):
        os.nice(10)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))


def _tried(raw: Path, settings: Settings) -> bytes:
    check_recording(raw)
    with open_recording(raw, settings.pattern) as recording:
        own = resolved(with_pixel(settings, recording)).settings
        made, pattern = _restored(raw, recording, own)
    work = made.work
    images = {"widefield": work.widefield.numpy(), "plain": made.plain, "restored": made.image}
    return packed(
        {
            "titles": [TITLES[name] for name in images],
            "trust": trust_words(made.trust, pattern),
            "doctor": [*damage_lines(recording), *_doctor(raw, own)],
            "width_um": images["widefield"].shape[1] * pattern.pixel_nm / 1000.0,
            "words": pattern_words(pattern),
        },
        [_png(image) for image in images.values()],
    )


def _restored(raw: Path, recording: Recording, settings: Settings) -> tuple[RestoredStack, Pattern]:
    """Restore the first raw stack, judged by its photons where its field is large enough."""
    channels = restored_channels(raw, recording, settings, None, live=False, device="cpu")
    index = recording.indices[0]
    restorer = StackRestorer(recording, channels)
    pattern = channels[index.channel].pattern
    try:
        return restorer(index, examined=True), pattern
    except DataError:  # too small to be judged: its image can be shown all the same
        return restorer(index, examined=False), pattern


def trust_words(trust: Trust | None, pattern: Pattern) -> dict[str, Any]:
    """Return the word with its mark, its tone, and the reasons."""
    if pattern.is_widefield_only:
        return {"word": "✖ no fringes", "tone": Tone.BAD, "reasons": [WIDEFIELD_ONLY]}
    if trust is None:
        return {"word": "not judged", "tone": Tone.QUIET, "reasons": []}
    mark, tone = MARKS[trust.verdict.word]
    reasons = [*trust.verdict.reasons, *filter(None, [trust.verdict.advice])]
    return {"word": f"{mark} {trust.verdict.word}", "tone": tone, "reasons": reasons}


def pattern_words(pattern: Pattern) -> str:
    """Say what was found of the pattern."""
    usable = sum(angle.usable for angle in pattern.angles)
    fringes = f"Fringes at {usable} of {len(pattern.angles)} angles"
    return f"{fringes}, attainable resolution {pattern.attainable_resolution_nm:.0f} nm."


def _doctor(raw: Path, settings: Settings) -> list[dict[str, str]]:
    examined = examine_file(raw, settings, quiet=True)
    wrong = [words for words in (examined.misfit, examined.gaps) if words]
    found = [_joined(finding_lines(one)) for one in examined.seen.findings]
    lines = [{"words": words, "tone": str(Tone.BAD)} for words in (*wrong, *found)]
    if not examined.is_faulty:
        lines.append({"words": f"No fault found (checked: {CHECKED}).", "tone": str(Tone.GOOD)})
    rest = undecided_lines(examined.seen.undecided)
    return lines + [{"words": words.strip(), "tone": str(Tone.QUIET)} for words in rest]


def damage_lines(recording: Recording) -> list[dict[str, str]]:
    """Say what of the file is cut off or damaged, without where it lay."""
    own = f"{recording.source}: "
    return [
        {"words": f"The file: {words.removeprefix(own)}", "tone": str(Tone.NOTE)}
        for words in recording.file.warnings
    ]


def _joined(lines: Sequence[str]) -> str:
    return "; ".join(line.strip() for line in lines)


def _png(image: Image) -> bytes:
    """Return 8 bits between the image's own black and white, for the eye."""
    levels = levels_of(sampled(image))
    if levels is None:
        raise DataError("the recording: expected light in its frames, found none")
    file = io.BytesIO()
    Pillow.fromarray(grey_levels(image, levels)).save(file, "PNG")
    return file.getvalue()
