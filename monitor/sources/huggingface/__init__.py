"""Hugging Face: new public models of chosen organisations, and the daily papers."""

from monitor.sources.huggingface.source import HuggingFaceSource

__all__ = ["HuggingFaceSource"]
