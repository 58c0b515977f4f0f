"""From a request body to a sealed answer: shape, movement, reservation, start, replay."""
