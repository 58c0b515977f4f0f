"""A stand-in for a mail server: takes every mail over SMTP, delivers none, and shows them on a page."""
