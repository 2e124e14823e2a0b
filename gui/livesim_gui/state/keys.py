"""List every key of the window and what it does, in the order of the list on the screen."""

from __future__ import annotations

from dataclasses import dataclass

STAGE = "stage"
"""Name of the keys 1 to 9, one for each stage."""


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that a key does."""

    name: str
    keys: tuple[str, ...]
    """As Qt writes them."""
    words: str
    shown: str = ""
    """On the list; empty = the keys themselves."""

    @property
    def label(self) -> str:
        """What stands on the list."""
        return self.shown or " or ".join(self.keys)


KEYS = (
    Key(STAGE, tuple("123456789"), "Show widefield, plain, …", "1, 2, …"),
    Key("swap", ("Space",), "Swap with the stage shown before"),
    Key("networks", ("N",), "Flip between restored and networks alone"),
    Key("split", ("X",), "Split view; drag the line"),
    Key("merge", ("M",), "Merge the channels, each in its colour"),
    Key("channel", ("V",), "Hide and show the chosen channel in the merge"),
    Key("fit", ("F",), "Fit the picture into the window"),
    Key("cut", ("Z",), "Volumes: xy, xz, yz through the mouse, brightest along z"),
    Key("crosshair", ("C",), "Crosshair on and off"),
    Key(
        "map", ("T",), "Error map: how far the restored image may be off; of volumes, what is shown"
    ),
    Key("line", ("L",), "Draw a line: its profile and width"),
    Key("region", ("R",), "Draw a region: its statistics"),
    Key("remove", ("Delete",), "Take the chosen line or region away", "Del"),
    Key("automatic", ("A",), "Automatic contrast"),
    Key("back", ("Left",), "One result back", "←"),
    Key("forward", ("Right",), "One result forward", "→"),
    Key("oldest", ("Home",), "The oldest result there is, on the disk or in memory"),
    Key("live", ("End",), "Back to the live edge"),
    Key("play", ("P",), "Play from here; hold"),
    Key("snapshot", ("S",), "Snapshot as shown: a PNG with split, zoom and scale bar"),
    Key("data", ("Shift+S",), "Snapshot of the values: a TIFF of the stage, 32-bit floats"),
    Key("export", ("Ctrl+E",), "Export a recording: movie, Fiji, OME"),
    Key("open-file", ("Ctrl+O",), "Open a recording to look at: a file"),
    Key("open-folder", ("Ctrl+Shift+O",), "Open a folder: Zarr, NDTiff, of livesim's own"),
    Key("restore", ("W",), "Restore with the networks what is shown of a file"),
    Key("pause", ("Ctrl+P",), "Pause the replay; go on"),
    Key("step", (".",), "One raw stack of the replay, then pause"),
    Key("record", ("Ctrl+R",), "Begin and end a recording"),
    Key("recalibrate", ("Ctrl+K",), "Calibrate again, from the next raw stacks"),
    Key("panel", ("H",), "Hide and show the panel"),
    Key("theme", ("D",), "Dark and light window"),
    Key("full", ("F11",), "Full screen"),
    Key("keys", ("?", "F1"), "This list"),
    Key("quit", ("Ctrl+Q",), "Close the viewer"),
)
