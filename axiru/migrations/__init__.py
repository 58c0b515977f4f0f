"""Schema changes, applied in order by the owner of the tables. Processes run as `axiru_app`, which owns nothing."""
