"""Find the OME-XML that describes a TIFF file: in itself, in another one, or in a file beside it.

OME-TIFF specification, sections on BinaryOnly, companion files and 6D/7D/8D storage (modulo).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import tifffile

from livesim.io.read.planes import check_size, expecting
from livesim.values.errors import DataError

MODULO = "modulo"
"""What the namespace of annotations ends in that divide an axis into two."""
MODULO_PART = "{*}Value/{*}Modulo"
ALONG = f"{MODULO_PART}/*"
TYPES = ("angle", "phase", "tile", "lifetime", "lambda", "other")
"""Of divided axes, as the specification names them."""
FILES = ".//{*}TiffData/{*}UUID"
LONGEST_NUMBER = 18
TIFF_ENDINGS = (".tif", ".tiff", ".btf")


@dataclass(frozen=True, slots=True)
class Description:
    """Which TIFF file to open, and what is said of it elsewhere."""

    path: Path
    xml: str | None = None
    """OME-XML to take instead of the file's own; None = its own."""
    missing: str | None = None
    """The file that is to describe it and is not there."""


def description_of(source: Path) -> Description:
    """Return what describes an open TIFF file.

    Raises
    ------
    DataError
        If the file names another one for that, which names a further one.
    """
    root = _root(_own_xml(source))
    if root is None:
        return Description(source)
    name = _described_in(root)
    if name is None:
        return Description(source, _prepared(root, source))
    beside = source.parent / name
    if not beside.is_file():
        return Description(source, missing=beside.name)
    is_tiff = beside.suffix.lower() in TIFF_ENDINGS
    described = _root(_own_xml(beside) if is_tiff else _text(beside))
    if described is None:
        return Description(source, missing=beside.name)
    if further := _described_in(described):
        raise DataError(
            f"{source}: expected {beside.name} to describe its axes, found that it names "
            f"{further} for that"
        )
    path = beside if is_tiff else source
    return Description(path, _prepared(described, path, needed=not is_tiff))


def described_by(source: Path) -> Description:
    """Return the first TIFF file that an OME-XML file describes and that is there.

    Raises
    ------
    DataError
        If there is none, or it is no OME-XML.
    """
    root = _root(_text(source))
    if root is None:
        raise DataError(f"{source}: expected OME-XML, found another or damaged XML")
    names = [one.get("FileName", "") for one in root.iterfind(FILES)]
    there = [path for name in names if name and (path := source.parent / name).is_file()]
    if not there:
        raise DataError(
            f"{source}: expected the TIFF files beside it that it describes, found none"
            + (f" such as {names[0]}" if names else "")
        )
    return Description(there[0], _prepared(root, there[0], needed=True))


def _own_xml(path: Path) -> str:
    """Return a file's own OME-XML; "" where it has none."""
    with tifffile.TiffFile(path) as tif:
        return (tif.ome_metadata or "") if tif.is_ome else ""


def _text(path: Path) -> str:
    with expecting("readable OME-XML", path, OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8-sig")


def _root(xml: str) -> Element | None:
    """Return the parsed text; None where it is no OME-XML."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None
    return root if _tag(root) == "OME" else None


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _described_in(root: Element) -> str | None:
    """Return the file that BinaryOnly names."""
    only = root.find("{*}BinaryOnly")
    return None if only is None else only.get("MetadataFile")


def _prepared(root: Element, path: Path, *, needed: bool = False) -> str | None:
    """Return OME-XML as tifffile reads all of it; None where the file's own does as it is.

    tifffile takes the file with the UUID of the whole for the one that it has open.
    """
    _check_frames(root, path)
    divided = _divide_axes(root)
    own = (one for one in root.iterfind(FILES) if one.get("FileName") == path.name)
    uuid = next((one.text for one in own if one.text), None)
    if needed and uuid is not None:
        root.set("UUID", uuid)
    return ElementTree.tostring(root, encoding="unicode") if needed or divided else None


def _check_frames(root: Element, path: Path) -> None:
    """Refuse more frames than there can be: tifffile makes a place for each that is stated."""
    frames = 0
    for pixels in root.iterfind("{*}Image/{*}Pixels"):
        stated = (pixels.get(f"Size{axis}", "")[:LONGEST_NUMBER] for axis in "TCZ")
        frames += math.prod(int(size) for size in stated if size.isdecimal())
    check_size((frames,), (), path)


def _divide_axes(root: Element) -> bool:
    """Let each image refer first, and once, to what divides its axes; False where nothing does.

    tifffile asks the first reference alone. Without a reference in any image, annotations that
    divide axes are meant for all of them.
    """
    known = {
        one.get("ID"): one
        for one in root.iterfind("{*}StructuredAnnotations/*")
        if one.get("Namespace", "").lower().endswith(MODULO)
    }
    for along in (part for one in known.values() for part in one.iterfind(ALONG)):
        stated = along.get("Type", "other").lower()
        along.set("Type", stated if stated in TYPES else "other")
    images = root.findall("{*}Image")
    referred = [[one.get("ID") for one in image.iterfind("{*}AnnotationRef")] for image in images]
    any_known = not known.keys().isdisjoint(chain(*referred))
    for image, own in zip(images, referred, strict=True):
        meant = [name for name in known if name in own or not any_known]
        if meant:
            image.insert(0, Element("AnnotationRef", {"ID": str(meant[0])}))
            _merge([known[name] for name in meant])
    return bool(known)


def _merge(annotations: Sequence[Element]) -> None:
    """Let the first annotation divide the axes of all."""
    first = annotations[0].find(MODULO_PART)
    if first is not None:
        first.extend([part for one in annotations[1:] for part in one.iterfind(ALONG)])
