"""Recordings as microscopes leave them, with what is read of each: the table of the readers.

`tests/unit/io/test_reader_faults.py` checks every case, `python -m bench.quality.readers` writes
the same cases into docs/measured/files.md.
"""

from tests.support.reader_faults.axes import AXES
from tests.support.reader_faults.garbled import GARBLED
from tests.support.reader_faults.micromanager import MICROMANAGER, SINGLE_FILES
from tests.support.reader_faults.ndtiff import NDTIFF
from tests.support.reader_faults.ome_description import OME_DESCRIPTION
from tests.support.reader_faults.ome_tiff import OME_FILES
from tests.support.reader_faults.stated import STATED
from tests.support.reader_faults.tiff import CUT_TIFF
from tests.support.reader_faults.tiff_folder import TIFF_FOLDERS
from tests.support.reader_faults.tiff_pages import TIFF_PAGES
from tests.support.reader_faults.values import TYPES
from tests.support.reader_faults.zarr import STOPPED_ZARR, ZARR_POSITIONS

CASES = (
    *OME_FILES,
    *OME_DESCRIPTION,
    *MICROMANAGER,
    *SINGLE_FILES,
    *NDTIFF,
    *CUT_TIFF,
    *TIFF_PAGES,
    *TIFF_FOLDERS,
    *STOPPED_ZARR,
    *ZARR_POSITIONS,
    *GARBLED,
    *STATED,
    *AXES,
    *TYPES,
)
