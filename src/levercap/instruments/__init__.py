"""What a position is worth when prices move: one module per type of contract."""
