"""Events that have happened, whether or not a webhook endpoint took them. https://docs.stripe.com/api/events"""

import msgspec

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.parameters import Page, Parameters, Period
from axiru.dev.sandbox.refusals import ParameterRefused


class RetrieveEvent(msgspec.Struct, frozen=True):
    event: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveEvent":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return books.get("event", self.event, param="id")


class ListEvents(msgspec.Struct, frozen=True):
    page: Page
    created: Period
    types: tuple[str, ...]

    @classmethod
    def read(cls, parameters: Parameters) -> "ListEvents":
        parameters.refuse_unsupported("delivery_success")
        page, created = parameters.page(), parameters.created()
        one, several = parameters.text("type"), parameters.texts("types")
        parameters.finish()
        if one is not None and several:
            raise ParameterRefused("You may only specify one of these parameters: type, types.")
        return cls(page, created, several if one is None else (one,))

    def execute(self, books: Books) -> Document:
        return books.page("event", "/v1/events", self.page, created=self.created, equal={}, among={"type": self.types})
