"""What reads answer with, built from the tables."""
