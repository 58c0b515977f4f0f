"""A stand-in for Stripe's API: it speaks Stripe's HTTP, keeps state, and forgets nothing that it answered.

`python -m axiru.dev.sandbox --port 8403 --state .axiru/stripe` serves it; the `stripe` library talks to it when its
API address is `http://127.0.0.1:8403`. It covers what Axiru calls, in the shapes Stripe documents at
https://docs.stripe.com/api, and refuses the rest by name instead of guessing.
"""
