"""Alerts with labels, acknowledgements, messages of several; attempts, silences; requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns and the two tables."""
    op.add_column("alert", sa.Column("labels", sa.Text(), nullable=True))
    op.add_column("alert", sa.Column("acked_at", sa.BigInteger(), nullable=True))
    op.add_column("alert", sa.Column("ack_note", sa.Text(), nullable=True))
    op.add_column("delivery", sa.Column("bundle", sa.String(), nullable=True))
    op.add_column("delivery", sa.Column("message_key", sa.String(), nullable=True))
    op.add_column(
        "source_state", sa.Column("requests", sa.Integer(), nullable=False, server_default="0")
    )
    op.create_index("ix_delivery_bundle", "delivery", ["bundle"])
    op.create_index("delivery_sent", "delivery", ["channel", "sent_at"])
    op.create_table(
        "attempt",
        sa.Column("alert_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.String(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("may_repeat", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"]),
        sa.PrimaryKeyConstraint("alert_id", "channel", "number"),
    )
    op.create_table(
        "silence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("matchers", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_silence_ends_at", "silence", ["ends_at"])
