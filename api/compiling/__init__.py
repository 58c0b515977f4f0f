"""Reading policies for people at a keyboard, in a process of its own: no text holds up a decision."""

from api.compiling.compiler import PolicyCompiler, TooCostly
from api.compiling.shapes import Job, PolicyReading

__all__ = ["Job", "PolicyCompiler", "PolicyReading", "TooCostly"]
