"""How fast a history goes through a policy: `axiru replay` on a generated export of a hundred thousand rows."""
