"""Where alerts go: each kind its settings and its sender."""
