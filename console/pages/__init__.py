"""The console's pages, one a file; each has `register(console)`."""
