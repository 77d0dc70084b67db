"""What a person says of how a market settles, where its text says it badly or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field


def _switch(value: Any) -> Any:
    # YAML reads a bare `off` as false.
    return {False: "off", True: "on"}.get(value, value) if isinstance(value, bool) else value


Word = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,60}$")]


class SpecOverride(BaseModel):
    """Fields that win over what was read from the rules; a field left out is read as ever.

    The words are those of the settlement spec: `universe` is `all` or ISO countries joined by
    commas, `owners` are entity ids, `country:CN` or `all`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    board: Word | None = None
    category: Word | None = None
    style_control: Annotated[Literal["on", "off", "unstated"] | None, BeforeValidator(_switch)] = (
        None
    )
    quantity: Literal["score", "rank"] | None = None
    place: int | None = Field(default=None, ge=1, le=3)
    universe: str | None = Field(default=None, pattern=r"^(all|list|[A-Z]{2}(,[A-Z]{2})*)$")
    unit: Literal["company", "model"] | None = None
    threshold: Decimal | None = Field(default=None, gt=0, le=10_000)
    when: Literal["at", "by"] | None = None
    check_at: AwareDatetime | None = None
    tie_rule: str | None = Field(default=None, min_length=1, max_length=80)
    owners: tuple[Annotated[str, Field(pattern=r"^(all|country:[A-Z]{2}|[a-z0-9-]+)$")], ...] = ()

    def given(self) -> dict[str, Any]:
        """Return the fields that were written down."""
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}
