"""What every section of the settings has in common: no unknown key, and never changed."""

from __future__ import annotations

from typing import Any, get_args

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Section(BaseModel):
    """A table of the TOML file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false where a number belongs: Python takes them for 1 and 0."""
        if isinstance(value, bool) and info.field_name is not None:
            kinds = _kinds(cls.model_fields[info.field_name].annotation)
            if bool not in kinds and kinds & {int, float}:
                raise ValueError(f"expected a number, found {str(value).lower()}")
        return value

    def to_toml(self) -> str:
        """Return the text of a TOML file that gives the same section when it is read.

        What is None is left out, as TOML has no null; paths are written as texts.
        """
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def _kinds(annotation: Any) -> set[Any]:
    """Return all types that an annotation such as `float | None` names."""
    inner = get_args(annotation)
    return set().union(*map(_kinds, inner)) if inner else {annotation}
