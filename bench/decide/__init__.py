"""How fast a decision is over HTTP, beside a bare Temporal workflow of the same shape in the same run."""
