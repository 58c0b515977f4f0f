"""The fail-closed contract, tested on a running product: cut each connection in turn, and count what went out."""
