"""How a response came about: its log-odds, its share of the room, when it came, what was left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

COLUMNS = (
    "log_odds_move",
    "room_share",
    "response_after_s",
    "response_by_s",
    "half_after_s",
    "half_by_s",
    "reversal",
)


def upgrade() -> None:
    """Add columns, all of them empty in rows that are there."""
    for name in COLUMNS:
        op.add_column("link", sa.Column(name, sa.Float(), nullable=True))
