"""Stripe's money endpoints, which nothing else calls. Each call is made exactly once, whatever crashes in between."""
