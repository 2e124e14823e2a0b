"""Load pyqtgraph on the Qt binding that qtpy has chosen; every import of it goes through here.

`QT_API` names the binding: pyqt5, pyqt6 or pyside6. Without it qtpy takes the first that it finds.
"""

from __future__ import annotations

import os

from qtpy import API_NAME

# pyqtgraph reads its choice when it is imported: two bindings in one process crash.
os.environ["PYQTGRAPH_QT_LIB"] = API_NAME

import pyqtgraph as pg

__all__ = ["pg"]
