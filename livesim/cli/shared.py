"""Options that several sub-commands take, and the statuses that they end with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXIT_DATA = 1
EXIT_USAGE = 2

ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="Settings file of the microscope.")
]
KeysOption = Annotated[
    Path | None,
    typer.Option("--keys", help="Folder of CURVE keys.", show_default="~/.livesim/keys"),
]
EngineOption = Annotated[str, typer.Option("--engine", help="Control address of the engine.")]
RawArgument = Annotated[list[Path], typer.Argument(help="Recordings.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="Setting that wins over the file's, such as optics.pixel_nm=65."),
]
PatternOption = Annotated[
    Path | None,
    typer.Option("--pattern", help="Pattern file; otherwise the pattern is estimated."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
StrictOption = Annotated[
    bool,
    typer.Option("--strict", help="Exit with 1, and write nothing, where no angle shows fringes."),
]
TiedOption = Annotated[
    bool, typer.Option("--tied", help="Stop when stdin closes: for programs that start it.")
]
RememberOption = Annotated[
    Path | None, typer.Option("--remember", help="File for the viewer's own choices.")
]
MemoryOption = Annotated[
    int, typer.Option("--memory", min=16, help="MiB of results to go back in time through.")
]
