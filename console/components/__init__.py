"""The console's parts, each in the shape any page can use."""
