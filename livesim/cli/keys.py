"""The arguments of `livesim keys`; what it does is imported when it is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from livesim.cli.shared import KeysOption


def keys(
    server: Annotated[
        bool, typer.Option("--server", help="Make the engine's pair of keys, on its machine.")
    ] = False,
    client: Annotated[
        bool, typer.Option("--client", help="Make this machine's pair, as a source or viewer.")
    ] = False,
    allow: Annotated[
        Path | None, typer.Option(help="Public key of a client that the engine here lets in.")
    ] = None,
    trust: Annotated[
        Path | None, typer.Option(help="Public key of the engine that is reached from here.")
    ] = None,
    folder: KeysOption = None,
) -> None:
    """Make and exchange the keys without which an engine listens to its own machine only."""
    from livesim.commands.keys import manage_keys
    from livesim.wire.endpoints import default_keys

    manage_keys(folder or default_keys(), server=server, client=client, allow=allow, trust=trust)
