"""Run the viewer in this process, until it is closed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from livesim.config.settings import load_settings
from livesim.processes.viewer import check_window


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """What the command line asks for."""

    engine: str | None
    """Control address; None starts one, unless there is a file to look at."""
    config: Path | None = None
    record: Path | None = None
    """Where an engine that is started records."""
    settings_file: Path | None = None
    memory_mib: int = 1024
    file: Path | None = None
    """Recording to look at."""


def run_view(request: ViewRequest) -> int:
    """Show the viewer; return its exit status.

    Raises
    ------
    SettingsError
        If no window can be opened here, or the settings are wrong.
    """
    check_window()
    settings = None if request.config is None else load_settings(request.config)

    from livesim.commands.view.past import open_past
    from livesim.processes.viewer_children import Children
    from livesim_gui.app import ViewOptions, run_viewer
    from livesim_gui.state.stream.facts import facts_of_settings

    options = ViewOptions(
        engine=request.engine,
        start_engine=request.engine is None and request.file is None,
        file=None if request.file is None else request.file.absolute(),
        record=request.record,
        config=request.config,
        given=facts_of_settings(settings),
        memory_bytes=request.memory_mib << 20,
        settings_file=request.settings_file,
    )
    return run_viewer(options, Children(), open_past)
