"""Plan what is made of a recording, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from livesim.commands.calibrate import show_pattern, tell_widefield_only, with_pixel
from livesim.commands.recorded_volumes import could_be_volumes
from livesim.commands.restore.channels import (
    Channels,
    read_steering,
    restored_channels,
    steered_settings,
)
from livesim.commands.restore.request import RestoreRequest
from livesim.commands.restore.restoration import Plan, Restoration
from livesim.commands.restore.stacks import StackRestorer
from livesim.commands.restore.trust import Reviews
from livesim.config.channels import Channel
from livesim.config.settings import Settings
from livesim.config.step_choice import RECONSTRUCT, with_steps
from livesim.engine.seams import Resolved
from livesim.io.read.recording import Recording
from livesim.io.read.scales import channel_names, z_step_nm
from livesim.io.recipe import Recipe, identify, steps_run
from livesim.io.settings_beside import settings_logs_for
from livesim.io.write.output_layout import ERROR_SUFFIX, PLAIN_SUFFIX, OutputLayout
from livesim.io.write.pyramid import pyramid_levels
from livesim.pipeline.lanes import lanes_for
from livesim.pipeline.networks import resolved
from livesim.values.pattern import WIDEFIELD_ONLY
from livesim_models.shipped import NONE, STEPS

NO_ERRORS = "no error planes: the photons cannot decide how large the error is"


def plan_restoration(asked: RestoreRequest, recording: Recording, console: Console) -> Restoration:
    """Find what holds for a whole recording, and say it: pattern, networks, trust, layout.

    Raises
    ------
    DataError
        If the recording or the pattern file cannot be used, or, if `strict`, no angle shows
        fringes.
    """
    raw = asked.raw
    chosen = resolved(with_pixel(asked.settings, recording))
    channels = restored_channels(
        raw,
        recording,
        chosen.settings,
        asked.pattern_file,
        live=asked.live,
        device=asked.device,
        lanes=lanes_for(len(recording.indices)),
    )
    for number in _widefield_only(channels):
        channel = number if len(channels) > 1 else None
        tell_widefield_only(raw, channel, chosen.settings, console, strict=asked.strict)
    planes = could_be_volumes(chosen.settings, recording)
    _show(raw, channels, (*chosen.notes, *([planes] if planes else [])), console)
    make, steered = _restorer(asked, recording, channels, chosen.settings)
    reviews = _reviews(recording, make, console, error=asked.error)
    beside = _beside(reviews, errors=asked.error and reviews.tells_errors)
    times = [index.time for index in recording.indices]
    plan = Plan(
        settings=chosen.settings,
        patterns={number: one.pattern for number, one in channels.items()},
        recipe=_recipe(asked, chosen, channels, recording, reviews, steered),
        layout=result_layout(recording, chosen.settings, times, beside, pyramid=asked.pyramid),
        beside=beside,
        begin=min(times),
    )
    return Restoration(recording, plan, make, reviews)


def follow_plan(asked: RestoreRequest, recording: Recording, plan: Plan) -> Restoration:
    """Return what restores raw stacks as another process has planned; no frame is read for it."""
    channels = restored_channels(
        asked.raw,
        recording,
        plan.settings,
        asked.pattern_file,
        live=asked.live,
        device=asked.device,
        known=plan.patterns,
        lanes=lanes_for(len(recording.indices)),
    )
    make, _ = _restorer(asked, recording, channels, plan.settings)
    return Restoration(recording, plan, make)


def tell_planned(asked: RestoreRequest, reviews: Reviews, console: Console) -> None:
    """Say how far the networks' work is to be trusted, and what is written beside it."""
    reviews.show(console)
    if asked.error and not reviews.tells_errors:
        console.print(f"livesim: {NO_ERRORS}")
    for words in _doubts(reviews):
        console.print(f"livesim: {words}")


def _restorer(
    asked: RestoreRequest, recording: Recording, channels: Channels, settings: Settings
) -> tuple[StackRestorer, int]:
    """Return what restores raw stacks, and how often the live run changed its settings."""
    logs = settings_logs_for(asked.raw) if asked.live else ()
    changes = [change for log in logs for change in read_steering(log)]
    make = StackRestorer(recording, channels, steered_settings(recording, settings, changes))
    return make, len(changes)


def _show(raw: Path, channels: Channels, notes: Sequence[str], console: Console) -> None:
    for number, channel in channels.items():
        console.print(f"{raw.name}, channel {number}:")
        show_pattern(channel.pattern, console)
    for note in notes:
        console.print(f"livesim: {note}")


def _reviews(
    recording: Recording, make: StackRestorer, console: Console, *, error: bool
) -> Reviews:
    """Look how far some raw stacks can be trusted; with neither networks nor errors, at none."""
    indices = [one for one in recording.indices if error or make.has_networks(one.channel)]
    with console.status("looking how far some raw stacks can be trusted"):
        return Reviews(indices, partial(make, examined=True))


def _beside(reviews: Reviews, *, errors: bool) -> tuple[str, ...]:
    """Return the endings of the names of what is written beside the images."""
    wanted = ((ERROR_SUFFIX, errors), (PLAIN_SUFFIX, bool(reviews.doubted)))
    return tuple(suffix for suffix, on in wanted if on)


def _doubts(reviews: Reviews) -> Iterator[str]:
    """Yield that images are not to be trusted, and what lies beside them for that reason."""
    if reviews.doubted:
        yield (
            f"{', '.join(reviews.doubted)}: do not trust what networks have a part in; the plain "
            f"reconstruction is written beside, as channels whose names end in '{PLAIN_SUFFIX}'"
        )


def _recipe(
    asked: RestoreRequest,
    chosen: Resolved,
    channels: Channels,
    recording: Recording,
    reviews: Reviews,
    steered: int,
) -> Recipe:
    """Return how the result was made; `steered` says how often the live run changed settings."""
    first = channels[min(channels)].pattern
    networks = [one.networks.fitting(one.pattern) for one in channels.values()]
    any_network = any(one.any for one in networks)
    return Recipe(
        settings=_as_run(chosen.settings, channels),
        pattern=first,
        steps=steps_run(chosen.settings.steps) if any_network else ("reconstruct",),
        models={name: sha for one in networks for name, sha in one.models.items()},
        sources=tuple(identify(one) for one in (asked.raw, *recording.file.others)),
        warnings=(
            *recording.warnings,
            *chosen.notes,
            *first.warnings,
            *(f"channel {number}: {WIDEFIELD_ONLY}" for number in _widefield_only(channels)),
            *_followed(channels, steered),
            *_arbitration(channels),
            *((_errors(reviews),) if asked.error else ()),
            *_doubts(reviews),
        ),
        trust=reviews.lines,
    )


def _as_run(settings: Settings, channels: Channels) -> Settings:
    """Return the settings with no network for the channels in which none ran."""
    idle = [number for number, one in channels.items() if not one.networks.fitting(one.pattern).any]
    if len(idle) == len(channels):
        return with_steps(settings, RECONSTRUCT)
    own = dict(settings.channels)
    for number in idle:
        channel = own.get(number, Channel())
        steps = channel.steps.model_copy(update=dict.fromkeys(STEPS, NONE))
        own[number] = channel.model_copy(update={"steps": steps})
    return settings.model_copy(update={"channels": own})


def _widefield_only(channels: Channels) -> list[int]:
    """Return the channels that are not super-resolved, for none of their fringes was found."""
    return [
        number
        for number, channel in channels.items()
        if not channel.changes and channel.pattern.is_widefield_only
    ]


def _followed(channels: Channels, steered: int) -> Iterator[str]:
    """Yield what differs between channels and what changed while the recording was made."""
    first = channels[min(channels)].pattern
    for number, channel in channels.items():
        if channel.pattern != first:
            yield f"channel {number} has a pattern of its own: {channel.pattern}"
    changes = sum({channel.log: len(channel.changes) for channel in channels.values()}.values())
    if changes:
        yield f"the pattern was followed: {changes} changes as logged in the live run"
    if steered:
        yield f"the settings were steered: {steered} changes as logged in the live run"


def _errors(reviews: Reviews) -> str:
    if not reviews.tells_errors:
        return NO_ERRORS
    return "error planes: standard deviation of the image beside, photo-electrons per raw pixel"


def _arbitration(channels: Channels) -> Iterator[str]:
    """Yield how much of the networks' work is shown, and by what."""
    if any(one.networks.fitting(one.pattern).any for one in channels.values()):
        logged = all(one.weighed is not None for one in channels.values())
        source = "as logged in the live run" if logged else "measured for every raw stack"
        yield f"the images are arbitrated between plain reconstruction and networks, {source}"


def result_layout(
    recording: Recording,
    settings: Settings,
    times: Sequence[int],
    beside: Sequence[str] = (),
    *,
    pyramid: bool = False,
) -> OutputLayout:
    """Return the layout of the result, from the first to the last time of what is whole.

    What is written `beside` the images are further channels, behind those of the images.
    """
    y, x = recording.frame_shape
    sizes = recording.sizes
    names = channel_names(settings, sizes.channel, recording.channel_names)
    if beside:
        known = names or tuple(f"channel {number}" for number in range(sizes.channel))
        names = (*known, *(f"{name}{suffix}" for suffix in beside for name in known))
    return OutputLayout(
        y=2 * y,
        x=2 * x,
        pixel_nm=settings.optics.known_pixel_nm / 2.0,
        time=max(times) + 1 - min(times),
        channel=(1 + len(beside)) * sizes.channel,
        z=sizes.z,
        position=sizes.position,
        z_step_nm=z_step_nm(settings, sizes.z, recording.z_step_nm),
        interval_s=recording.interval_s,
        channel_names=names,
        levels=pyramid_levels((2 * y, 2 * x)) if pyramid else 1,
    )
