"""The two steps of every operation: read the parameters, then execute."""

from typing import Protocol

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.parameters import Parameters


class Operation(Protocol):
    """One endpoint of Stripe's API."""

    @classmethod
    def read(cls, parameters: Parameters) -> "Operation":
        """Check the parameters. Raises ParameterRefused; nothing has executed then."""

    def execute(self, books: Books) -> Document:
        """Do it and give the answer's body. Raises StripeRefusal, before anything is written."""
