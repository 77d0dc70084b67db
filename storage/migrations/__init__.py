"""Alembic's versions of the schema and the code that runs them at start."""
