"""What the daemon answers over HTTP on this machine."""
