"""Ask Axiru before money moves, and hold safely when it cannot be reached."""
