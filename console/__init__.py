"""What people see: NiceGUI pages over one client of the HTTP API. No tables, no Temporal, no Stripe."""
