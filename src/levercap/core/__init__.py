"""Core types that packages hand to each other: frozen, self-validating, importing nothing else of ours."""
