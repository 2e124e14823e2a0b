"""The frozen value that is published of every raw stack: its images, and which stack they show."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from livesim.values.frames import Rolling, StackIndex

Image = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One reconstructed image, with the widefield image of the same photons beside it."""

    stream: str
    index: StackIndex
    image: Image = field(repr=False)
    """[2 y, 2 x], sampled at half the raw pixel; may be negative. With networks it is
    arbitrated: of what they changed, as much as the photons carry."""
    widefield: Image = field(repr=False)
    """[y, x], mean of the raw frames in photo-electrons."""
    last_received_ns: int = 0
    published_ns: int = 0
    plain: Image | None = field(default=None, repr=False)
    """[2 y, 2 x] the reconstruction without networks; None where `image` is that itself."""
    step_one: Image | None = field(default=None, repr=False)
    """[2 y, 2 x] what step one alone gives; None where not both networks made the image, or nobody
    looks at it."""
    network: Image | None = field(default=None, repr=False)
    """[2 y, 2 x] what the networks alone give, unarbitrated; None without networks, or where nobody
    looks at it."""
    rolling: Rolling | None = None
    """None unless a new result is made with every angle or frame."""
    provisional: bool = False
    """Whether the stream has networks that have not worked on this stack: `image` is the plain one,
    and a second, fuller result of the same stack may follow."""
    searching: bool = False
    """Whether the pattern is not known yet: `image` is the widefield image itself, [y, x]."""

    @property
    def nbytes(self) -> int:
        """Memory that its images hold."""
        images = (self.image, self.widefield, self.plain, self.step_one, self.network)
        return sum(image.nbytes for image in images if image is not None)

    @property
    def whole(self) -> bool:
        """Whether all its frames are of one raw stack."""
        return self.rolling is None or self.rolling.whole
