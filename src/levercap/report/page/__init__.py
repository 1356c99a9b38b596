"""The HTML page and how numbers are written on it."""
