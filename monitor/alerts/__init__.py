"""Alerts: rules over what was seen, decisions, words, channels; an outbox delivers."""
