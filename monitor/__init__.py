"""The daemon: wires sources, storage and signals together and tells its owner."""

__version__ = "0.1.0"
