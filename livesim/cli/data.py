"""Work on recordings and networks: the arguments of the commands that read and write files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from livesim.cli.shared import (
    EXIT_DATA,
    ConfigOption,
    OverwriteOption,
    PatternOption,
    RawArgument,
    SetOption,
    StrictOption,
)
from livesim.config.settings import SettingsError

if TYPE_CHECKING:
    from livesim.commands.restore.request import RestoreRequest


def restore(
    raw: RawArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Result (.ome.tif or .ome.zarr), or a folder."),
    ] = None,
    config: ConfigOption = None,
    pattern: PatternOption = None,
    steps: Annotated[
        str,
        typer.Option(
            help="reconstruct, with one before and two behind it, as in one,reconstruct; or all."
        ),
    ] = "",
    preset: Annotated[
        str, typer.Option(help="Named reconstruction settings: fairsim, report.")
    ] = "",
    error: Annotated[
        bool,
        typer.Option(
            "--error", help="Write the error of every image beside it, as further channels."
        ),
    ] = False,
    volumes: Annotated[
        bool | None,
        typer.Option(
            "--volumes/--no-volumes",
            help="Planes of three-beam light are volumes, or single; else as the settings say.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that share the work; for .ome.zarr.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Scheduler of a Dask cluster that shares the work; for .ome.zarr."),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(help="Restore one part, as 2/4, as a job of its own; for .ome.zarr."),
    ] = None,
    finish: Annotated[
        bool, typer.Option("--finish", help="Check that all parts are there, and close the result.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(help="cpu or cuda:N; without it the channels take every GPU in turn."),
    ] = None,
    pyramid: Annotated[
        bool,
        typer.Option("--pyramid", help="Write levels of lower resolution too; for .ome.zarr."),
    ] = False,
    change: SetOption = None,
    strict: StrictOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Reconstruct recordings; --config defaults to the TOML file beside each.

    A recording of livesim's own brings its settings and its pattern along, and what its live run
    measured of the networks. For any other the photons of every raw stack decide how much of the
    networks' work is shown, which takes about six times as long as the networks' image on a CPU.
    """
    from livesim.io.settings_beside import follows_live, pattern_for, settings_for

    given = ([f'reconstruction.preset="{preset}"'] if preset else []) + (change or [])
    changes = given + (["volumes={}"] if volumes else [])
    settings = [settings_for(path, config, changes) for path in raw]
    if volumes is False:
        settings = [own.model_copy(update={"volumes": None}) for own in settings]
    shared = {
        "--workers": workers is not None,
        "--cluster": cluster is not None,
        "--part": part is not None,
        "--finish": finish,
    }
    whole = {"--error": error, "--pyramid": pyramid}
    _refuse_mixed(shared, whole, volumes=any(own.volumes is not None for own in settings))

    from livesim.commands.restore.command import targets
    from livesim.commands.restore.request import RestoreRequest
    from livesim.commands.restore.volumes import restore_volumes
    from livesim.config.step_choice import with_steps

    restore_planes = _restorer(workers=workers, cluster=cluster, part=part, finish=finish)

    if steps:
        settings = [with_steps(own, steps) for own in settings]
    for path, own, target in zip(raw, settings, targets(raw, out), strict=True):
        live = not steps and volumes is not False and follows_live(path, config, given)
        known = pattern or (None if volumes is False else pattern_for(path))
        asked = RestoreRequest(
            path, own, known, target, overwrite, live, error, strict, device, pyramid
        )
        if own.volumes is None:
            restore_planes(asked)
        else:
            restore_volumes(asked)


def _refuse_mixed(shared: dict[str, bool], more: dict[str, bool], *, volumes: bool) -> None:
    """Refuse what does not go together: several ways to share the work, and what volumes lack."""
    ways = [flag for flag, given in shared.items() if given]
    if volumes and ways:
        raise SettingsError(
            f"{ways[0]}: expected it without volumes, which are restored one after the other, "
            "found both; give every recording to a job of its own"
        )
    if len(ways) > 1:
        raise SettingsError(f"expected one of {', '.join(shared)}, found {' and '.join(ways)}")
    for flag, given in more.items():
        if volumes and given:
            raise SettingsError(f"{flag}: expected it without volumes, found both")


def _restorer(
    *, workers: int | None, cluster: str | None, part: str | None, finish: bool
) -> Callable[[RestoreRequest], None]:
    """Return what restores single planes of one recording as asked: whole, or in parts."""
    from livesim.commands.restore import workers as several
    from livesim.commands.restore.cluster import restore_on_cluster
    from livesim.commands.restore.command import restore_file
    from livesim.commands.restore.part import Part

    if workers is not None:
        return lambda asked: several.restore_with_workers(asked, workers)
    if cluster is not None:
        return partial(restore_on_cluster, address=cluster)
    if part is not None:
        return partial(several.restore_part_here, part=Part.parse(part))
    return several.finish if finish else restore_file


def calibrate(
    raw: RawArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Pattern file to write (JSON).")],
    config: ConfigOption = None,
    stacks: Annotated[
        int | None, typer.Option(min=1, help="Raw stacks to use of each recording.")
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option(help="Frames, such as 0,4,8: write the pattern of raw stacks of these alone."),
    ] = None,
    change: SetOption = None,
    strict: StrictOption = False,
    overwrite: OverwriteOption = False,
) -> None:
    """Estimate the illumination pattern; --config defaults to the TOML file beside the first."""
    from livesim.io.settings_beside import settings_for

    settings = settings_for(raw[0], config, change or [])

    from livesim.commands.calibrate import calibrate_files
    from livesim.commands.calibrate_volumes import calibrate_volumes

    if settings.volumes is None:
        calibrate_files(raw, settings, out, stacks, overwrite, strict=strict, keep=keep)
        return
    if keep is not None:
        raise SettingsError("--keep: expected it without volumes, which need all their frames")
    calibrate_volumes(raw, settings, out, stacks, overwrite, strict=strict)


def thin(
    raw: RawArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write.")],
    config: ConfigOption = None,
    scale: Annotated[float, typer.Option(help="How many times less light.")] = 20.0,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    change: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Write recordings in less light, and the photons taken away, as data for a training.

    Training, validation and test have recordings of their own; all files are of 16 bits.
    """
    from livesim.io.settings_beside import settings_for

    settings = settings_for(raw[0], config, change or [])

    from livesim.commands.thin import Thinning, thin_files

    thin_files(raw, settings, out, Thinning(scale, seed), overwrite=overwrite)


def otf(
    beads: Annotated[Path, typer.Argument(help="TIFF of beads in focus; its pages are averaged.")],
    config: ConfigOption = None,
    diameter_nm: Annotated[float, typer.Option(min=1.0, help="Of a bead.")] = 100.0,
    change: SetOption = None,
) -> None:
    """Measure the OTF from isolated beads; --config defaults to the TOML file beside them."""
    from livesim.io.settings_beside import settings_for

    settings = settings_for(beads, config, change or [])

    from livesim.commands.otf import measure_otf

    measure_otf(beads, settings, diameter_nm)


def doctor(
    raw: RawArgument,
    config: ConfigOption = None,
    change: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what is wrong with recordings, from the frames alone, and how to fix it.

    Exit status 0: no fault found; 1: a fault was found.
    """
    from livesim.io.settings_beside import settings_for

    settings = [settings_for(path, config, change or []) for path in raw]

    from livesim.commands.doctor.command import examine_files

    if not examine_files(raw, settings, as_json=as_json):
        raise typer.Exit(EXIT_DATA)


def evaluate(
    files: Annotated[list[Path], typer.Argument(help="Recordings, or with --truth images.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the table and the pictures.")
    ],
    truth: Annotated[
        Path | None, typer.Option(help="Hold images against this: truth.zarr, or an image file.")
    ] = None,
    config: ConfigOption = None,
    pattern: PatternOption = None,
    one: Annotated[str, typer.Option(help="Step one: a model's name or path, or none.")] = "",
    two: Annotated[str, typer.Option(help="Step two, likewise.")] = "",
    reference: Annotated[
        Path | None, typer.Option(help="Images of the same recordings with more light.")
    ] = None,
    halves: Annotated[
        bool, typer.Option("--halves", help="Split the photons for a ring correlation.")
    ] = False,
    pixel: Annotated[
        float | None, typer.Option(help="Pixel of the truth in nm, where no file says.")
    ] = None,
    examples: Annotated[int, typer.Option(min=1, max=20, help="Images in the montage.")] = 3,
    change: SetOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Say how good and how true images are: widefield, plain and after each network.

    Recordings are taken through every stage, and held against their truth where `livesim simulate`
    left it, or against --reference. With --truth, images made before are held against it.
    """
    from livesim.commands.evaluate.command import Request, evaluate_files

    request = Request(truth, config, pattern, one, two, reference, halves, pixel, change or [])
    evaluate_files(files, request, out, examples, overwrite=overwrite)
