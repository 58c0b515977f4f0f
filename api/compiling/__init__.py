"""Reading policies for people at a keyboard, in a process of its own: no text holds up a decision."""

from api.compiling.compiler import PolicyCompiler, TooCostly
from api.compiling.shapes import PolicyReading, Template, Text

__all__ = ["PolicyCompiler", "PolicyReading", "Template", "Text", "TooCostly"]
