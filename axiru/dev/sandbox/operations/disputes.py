"""Disputes: read, answer with evidence, accept. https://docs.stripe.com/api/disputes"""

import msgspec

from axiru.dev.sandbox.answers import Document
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.operations import dispute_life
from axiru.dev.sandbox.operations.dispute_evidence import evidence_from
from axiru.dev.sandbox.operations.metadata import merged
from axiru.dev.sandbox.parameters import Page, Parameters, Period
from axiru.dev.sandbox.refusals import StripeRefusal


class RetrieveDispute(msgspec.Struct, frozen=True):
    dispute: str

    @classmethod
    def read(cls, parameters: Parameters) -> "RetrieveDispute":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        return books.get("dispute", self.dispute, param="dispute")


class ListDisputes(msgspec.Struct, frozen=True):
    page: Page
    created: Period
    charge: str | None
    payment_intent: str | None

    @classmethod
    def read(cls, parameters: Parameters) -> "ListDisputes":
        operation = cls(
            page=parameters.page(),
            created=parameters.created(),
            charge=parameters.text("charge"),
            payment_intent=parameters.text("payment_intent"),
        )
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        equal = {"charge": self.charge, "payment_intent": self.payment_intent}
        return books.page("dispute", "/v1/disputes", self.page, created=self.created, equal=equal)


class UpdateDispute(msgspec.Struct, frozen=True):
    """Evidence goes to the bank at once unless `submit` is false, which only stages it.

    https://docs.stripe.com/api/disputes/update
    """

    dispute: str
    evidence: dict[str, str] | None
    submit: bool | None
    metadata: dict[str, str] | None

    @classmethod
    def read(cls, parameters: Parameters) -> "UpdateDispute":
        operation = cls(
            dispute=parameters.object_id,
            evidence=evidence_from(parameters.inner("evidence")),
            submit=parameters.boolean("submit"),
            metadata=parameters.metadata(),
        )
        parameters.finish()
        return operation

    def execute(self, books: Books) -> Document:
        dispute = books.get("dispute", self.dispute, param="dispute")
        changed: Document = {}
        if self.metadata is not None:
            changed["metadata"] = merged(dispute["metadata"], self.metadata)
        answers = self.evidence is not None or self.submit is True
        if answers:
            if (why := dispute_life.why_closed_to_evidence(dispute)) is not None:
                raise StripeRefusal(f"Evidence for the dispute {self.dispute} cannot be changed: {why}")
            changed |= dispute_life.evidence_change(dispute, self.evidence or {})
            if self.submit is not False:
                changed |= dispute_life.submission(dispute | changed)
        previous = books.change(dispute, **changed)
        if previous:
            books.record_event("charge.dispute.updated", dispute, previous=previous)
        if answers and self.submit is not False:
            dispute_life.await_bank(books, dispute)
        return dispute


class CloseDispute(msgspec.Struct, frozen=True):
    """Accept the dispute as lost. https://docs.stripe.com/api/disputes/close"""

    dispute: str

    @classmethod
    def read(cls, parameters: Parameters) -> "CloseDispute":
        parameters.finish()
        return cls(parameters.object_id)

    def execute(self, books: Books) -> Document:
        dispute = books.get("dispute", self.dispute, param="dispute")
        if dispute["status"] not in dispute_life.OPEN:
            raise StripeRefusal(f"This dispute is already closed: its status is {dispute['status']}.")
        dispute_life.close(books, dispute, won=False)
        return dispute
