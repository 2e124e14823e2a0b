"""Keep a window on the screen that it is shown on, title bar and frame included."""

from __future__ import annotations

from qtpy.QtCore import QMargins, QRect, QSize
from qtpy.QtWidgets import QWidget

FRAME = QMargins(2, 32, 2, 2)
"""Room kept around a window: what its manager draws there it says only once the window is shown."""

FIRST_SHARE = 0.85
"""Of the screen's width and height: how large a new window is, where the screen is large."""


def fitted(wanted: QRect, frame: QMargins, available: QRect) -> QRect:
    """Return the nearest place and size at which a window with its frame lies on the screen.

    Parameters
    ----------
    wanted
        Of the window without its frame.
    frame
        Around it.
    available
        Of the screen, without its task bar.
    """
    room = available.marginsRemoved(frame)
    size = wanted.size().boundedTo(room.size())
    left = min(max(wanted.left(), room.left()), room.left() + room.width() - size.width())
    top = min(max(wanted.top(), room.top()), room.top() + room.height() - size.height())
    return QRect(left, top, size.width(), size.height())


def fit(window: QWidget) -> None:
    """Move and shrink a window until all of it is on its screen, if it is not there already."""
    screen = window.screen()
    if screen is None or window.isMaximized() or window.isFullScreen():
        return
    place = fitted(window.geometry(), frame_of(window), screen.availableGeometry())
    if place != window.geometry():
        window.setGeometry(place)


def bounded_size(wanted: QSize, window: QWidget) -> QSize:
    """Return a size for a window that is not shown yet: as wanted, or as large as the screen."""
    screen = window.screen()
    if screen is None:
        return wanted
    return wanted.boundedTo(screen.availableGeometry().marginsRemoved(FRAME).size())


def first_size(least: QSize, window: QWidget) -> QSize:
    """Return the size that a new window begins with: a share of the screen, if that is more."""
    screen = window.screen()
    if screen is None:
        return least
    room = screen.availableSize()
    share = QSize(round(FIRST_SHARE * room.width()), round(FIRST_SHARE * room.height()))
    return bounded_size(least.expandedTo(share), window)


def frame_of(window: QWidget) -> QMargins:
    """Return what the window manager draws around a window that is shown."""
    inside, whole = window.geometry(), window.frameGeometry()
    return QMargins(
        max(inside.left() - whole.left(), 0),
        max(inside.top() - whole.top(), 0),
        max(whole.right() - inside.right(), 0),
        max(whole.bottom() - inside.bottom(), 0),
    )
