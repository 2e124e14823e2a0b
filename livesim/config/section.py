"""What every section of the settings has in common: no unknown key, and never changed."""

from __future__ import annotations

import tomli_w
from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    def to_toml(self) -> str:
        """Return the text of a TOML file that gives the same section when it is read.

        What is None is left out, as TOML has no null; paths are written as texts.
        """
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))
