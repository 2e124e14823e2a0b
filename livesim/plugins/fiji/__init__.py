"""livesim in Fiji: a macro that opens its exports."""

from pathlib import Path

MACRO = Path(__file__).with_name("Open_livesim_export.ijm")
"""Opens what `livesim export` wrote as NAME.tif, with a scale bar and its gaps named."""
