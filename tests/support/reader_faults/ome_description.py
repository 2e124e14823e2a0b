"""OME-TIFF files that are described in another file, or whose axes are divided (modulo)."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from tests.support.reader_faults.case import (
    ALL,
    BOTH,
    FRAMES,
    TIMES,
    TRUTH,
    Case,
    X,
    Y,
    at_times,
    settings,
    stack,
)
from tests.support.reader_faults.ome_tiff import described, ome, ome_xml, only

MODULO = "openmicroscopy.org/omero/dimension/modulo"
COMPANION = "multi.companion.ome"


def companion(opened, lost=(), refer=True, change=lambda text: text, name=COMPANION):
    """Return a builder of two positions whose axes a third file describes."""

    def build(folder: Path) -> Path:
        files = [(0, 0, TRUTH[0]), (1, 0, TRUTH[1])]
        ids = [f"urn:uuid:{uuid4()}" for _ in files]
        text = ome_xml(files, ids, f"urn:uuid:{uuid4()}")
        (folder / name).write_text(change(text))
        for number, frames in enumerate(TRUTH):
            if number not in lost:
                path = folder / f"multi_p{number:03d}.ome.tiff"
                described(path, frames, only(name, ids[number]) if refer else None)
        return folder / opened

    return build


def in_a_circle(*names):
    """Return a builder of files of which each names the next one for its axes."""

    def build(folder: Path) -> Path:
        for name, other in zip(names, (*names[1:], names[0]), strict=True):
            described(folder / name, FRAMES, only(other, f"urn:uuid:{uuid4()}"))
        return folder / names[0]

    return build


def divided(pixels, order, along, refer=("Modulo:0",), annotations=1):
    """Return a builder of an OME-TIFF [slow axes, y, x] whose axes are divided.

    `order` is OME's, fastest first; `along` holds what divides an axis.
    """

    def build(folder: Path) -> Path:
        sizes = dict(zip(reversed(order[2:]), pixels.shape[:3], strict=True))
        stated = " ".join(f'Size{axis}="{size}"' for axis, size in sizes.items())
        refers = "".join(f'<AnnotationRef ID="{one}"/>' for one in refer)
        parts = [along] if annotations == 1 else along.replace("/><", "/>|<").split("|")
        said = "".join(
            f'<XMLAnnotation ID="Modulo:{number}" Namespace="{MODULO}"><Value>'
            f'<Modulo namespace="http://www.openmicroscopy.org/Schemas/Additions/2011-09">{part}'
            "</Modulo></Value></XMLAnnotation>"
            for number, part in enumerate(parts)
        )
        image = (
            f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="{order}" Type="uint16" '
            f'SizeX="{X}" SizeY="{Y}" {stated}><Channel ID="Channel:0:0"/><TiffData/></Pixels>'
            f"{refers}</Image>"
        )
        notes = '<CommentAnnotation ID="Note:0"><Value>cells</Value></CommentAnnotation>'
        text = ome(f"{image}<StructuredAnnotations>{notes}{said}</StructuredAnnotations>")
        return described(folder / "raw.ome.tif", pixels.reshape(-1, Y, X), text)

    return build


def along(axis, kind, count=3):
    return f'<ModuloAlong{axis} Type="{kind}" Start="0" Step="1" End="{count - 1}"/>'


STACKS = FRAMES.reshape(TIMES, 3, 3, Y, X)
"""[time, angle, phase, y, x]."""
IN_Z = STACKS.reshape(TIMES, 1, 9, Y, X)
BY_PHASE = STACKS.transpose(0, 2, 1, 3, 4)
TWO = TRUTH.reshape(2, TIMES, 3, 3, Y, X)
TWO_Z = TWO.transpose(1, 2, 0, 3, 4, 5).reshape(TIMES, 3, 6, Y, X)
"""[time, channel = angle, z x phase, y, x]: two planes."""
PLANES = {(0, t, 0, z): stack(t, TRUTH[z]) for z in range(2) for t in range(TIMES)}
LABELS = "<ModuloAlongZ Type='phase'><Label>0</Label><Label>120</Label><Label>240</Label>"
BOTH_ALONG = along("C", "angle") + along("Z", "phase")
OME_DESCRIPTION = (
    Case("OME-TIFF", "a companion file describes its positions",
         companion("multi_p000.ome.tiff"), BOTH),
    Case("OME-TIFF", "a companion file, the second position opened",
         companion("multi_p001.ome.tiff"), BOTH),
    Case("OME-TIFF", "a companion file opened itself", companion(COMPANION), BOTH),
    Case("OME-TIFF", "a companion file of files that do not name it",
         companion(COMPANION, refer=False), BOTH),
    Case("OME-TIFF", "a companion file with a byte order mark",
         companion(COMPANION, change=lambda text: "\ufeff" + text), BOTH),
    Case("OME-TIFF", "a companion file, the folder opened", companion("."), BOTH),
    Case("OME-TIFF", "a companion file called .ome.xml",
         companion("multi_p000.ome.tiff", name="all.ome.xml"), BOTH),
    Case("OME-TIFF", "a companion file, a position gone",
         companion(COMPANION, lost=[1]), ALL, "expected its other file multi_p001.ome.tiff, found"),
    Case("OME-TIFF", "a companion file, the first position gone",
         companion(COMPANION, lost=[0]), at_times(0, 1, 2, frames=TRUTH[1]),
         "expected its other file multi_p000.ome.tiff, found"),
    Case("OME-TIFF", "a companion file without its TIFF files", companion(COMPANION, lost=[0, 1]),
         None, "expected the TIFF files beside it .* found none such as multi_p000.ome.tiff"),
    Case("OME-TIFF", "a companion file that is cut off",
         companion(COMPANION, change=lambda text: text[:300]), None,
         "expected OME-XML, found another or damaged XML"),
    Case("OME-TIFF", "described in a companion file that is cut off",
         companion("multi_p000.ome.tiff", change=lambda text: text[:300]), ALL,
         "expected multi.companion.ome, which describes its axes, found no such file"),
    Case("OME-TIFF", "two files that name each other", in_a_circle("a.ome.tif", "b.ome.tif"), None,
         "expected b.ome.tif to describe its axes, found that it names a.ome.tif for that"),
    Case("OME-TIFF", "a file that names itself", in_a_circle("a.ome.tif"), None,
         "expected a.ome.tif to describe its axes, found that it names a.ome.tif for that"),
    Case("OME-TIFF", "three files that name each other",
         in_a_circle("a.ome.tif", "b.ome.tif", "c.ome.tif"), None,
         "expected b.ome.tif to describe its axes, found that it names c.ome.tif for that"),
    Case("OME-TIFF, modulo", "z is the phase, channels are the angle",
         divided(STACKS, "XYZCT", along("Z", "phase") + along("C", "angle")), ALL),
    Case("OME-TIFF, modulo", "z is the angle, channels are the phase",
         divided(BY_PHASE, "XYZCT", along("Z", "angle") + along("C", "phase")), ALL),
    Case("OME-TIFF, modulo", "two planes times three phases along z",
         divided(TWO_Z, "XYZCT", along("Z", "phase") + along("C", "angle")), PLANES),
    Case("OME-TIFF, modulo", "times by angles along t",
         divided(STACKS.reshape(9, 3, 1, Y, X), "XYCZT", along("T", "angle") + along("Z", "phase")),
         ALL),
    Case("OME-TIFF, modulo", "given as labels",
         divided(STACKS, "XYZCT", f"{LABELS}</ModuloAlongZ>" + along("C", "angle")), ALL),
    Case("OME-TIFF, modulo", "no image refers to it",
         divided(STACKS, "XYZCT", BOTH_ALONG, refer=()), ALL),
    Case("OME-TIFF, modulo", "an image refers to a note first",
         divided(STACKS, "XYZCT", BOTH_ALONG, refer=("Note:0", "Modulo:0")), ALL),
    Case("OME-TIFF, modulo", "in two annotations",
         divided(STACKS, "XYZCT", BOTH_ALONG, refer=("Modulo:0", "Modulo:1"), annotations=2), ALL),
    Case("OME-TIFF, modulo", "with capitals",
         divided(STACKS, "XYZCT", along("C", "Angle") + along("Z", "Phase")), ALL),
    Case("OME-TIFF, modulo", "of a kind that nobody knows",
         divided(IN_Z, "XYZCT", along("Z", "polarisation")), None,
         "expected one way to find 9 frames .*: say in .pattern. axes = "),
    Case("OME-TIFF, modulo", "the phase alone",
         divided(STACKS, "XYZCT", along("Z", "phase")), None,
         "expected 3 angles x 3 phases as the settings say, found 1 angle x 3 phases"),
    Case("OME-TIFF, modulo", "the phase alone, the angle said in [pattern] axes",
         divided(STACKS, "XYZCT", along("Z", "phase")), ALL, "",
         settings(axes={"channel": "angle"})),
    Case("OME-TIFF, modulo", "a number that does not fit",
         divided(IN_Z, "XYZCT", along("Z", "phase", 2)), None,
         "expected 3 angles x 3 phases as the settings say, found 1 angle x 2 phases"),
)  # fmt: skip
