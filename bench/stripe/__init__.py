"""How fast a history is pulled from Stripe: `python -m bench.stripe`."""
