"""The words of the product as frozen structs. Nothing here does I/O, reads a clock or draws a random number."""
