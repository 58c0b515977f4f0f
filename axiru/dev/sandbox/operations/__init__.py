"""What the sandbox offers, one file per Stripe resource."""
