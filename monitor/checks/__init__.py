"""Problems of a config that its types cannot see, each at its line."""
