"""The kernel all rooms share: domain structs, errors, settings, ids, clock, vault, tables, and the command line."""
