"""How far leaderboard markets were from flipping, publication by publication."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table of distances."""
    op.create_table(
        "distance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("outcome_id", sa.Integer(), nullable=False),
        sa.Column("board", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("style_control", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("publish_date", sa.Date(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("threshold", sa.String(), nullable=True),
        sa.Column("universe", sa.String(), nullable=True),
        sa.Column("gap", sa.Float(), nullable=True),
        sa.Column("intervals_overlap", sa.Boolean(), nullable=True),
        sa.Column("days_left", sa.Float(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("rival", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("known_from", sa.BigInteger(), nullable=False),
        sa.Column("known_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["outcome_id"], ["outcome.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("outcome_id", "board", "category", "style_control", "at", "known_from"),
    )
    op.create_index("distance_current", "distance", ["known_to", "outcome_id", "at"])
