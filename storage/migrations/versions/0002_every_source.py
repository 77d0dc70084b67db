"""What a venue says of settling, what a machine saw itself, the state of polling and backfill."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns, all of them empty in rows that are there, and the table of chunks."""
    op.add_column("market", sa.Column("oracle", sa.String(), nullable=True))
    op.add_column("market_revision", sa.Column("oracle", sa.String(), nullable=True))
    op.add_column("item", sa.Column("seen_as", sa.String(), nullable=True))
    op.add_column("standing", sa.Column("adapter", sa.String(), nullable=True))
    op.add_column("standing", sa.Column("is_dated", sa.Boolean(), nullable=True))
    op.add_column("source_state", sa.Column("drift", sa.Text(), nullable=True))
    op.add_column("source_state", sa.Column("circuit_until", sa.BigInteger(), nullable=True))
    op.add_column("source_state", sa.Column("moved", sa.Text(), nullable=True))
    op.create_table(
        "backfill_chunk",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("to_at", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "key"),
    )
