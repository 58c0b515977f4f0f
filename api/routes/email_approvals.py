"""`/email/approvals/{token}`: the door behind a link in a mail. To look changes nothing; only a POST votes.

Mail programs and scanners follow links, fetch them ahead and ask for them with HEAD: all of that is looking.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Request, Response, post, route
from litestar.enums import MediaType

from api import forms
from api.email_page import vote_page, voted_page
from api.errors import InvalidBody, NotFound, refusal
from api.fields import decode
from api.forms import media_type, read_form
from api.html_page import notice_page, shown
from api.intake.text import Reason
from api.json_body import UnsupportedMediaType, read_object
from api.openapi import taking
from api.services import services_of
from api.telling import tell_workflow
from axiru.domain.approval import ApprovalState, Ballot, Verdict
from axiru.domain.approval_sheet import ApprovalSheet
from axiru.email_links import EmailLink, find_link
from axiru.errors import AxiruError
from ledger.acts.question import ApprovalClosed
from ledger.acts.vote import NotEligible, ReasonRequired, cast_vote
from ledger.approval_sheet import read_sheet
from ledger.eligibility import standings
from workflows.money_movement import MoneyMovement

PER_MINUTE: Final = 240
"""Requests from one address. A token cannot be guessed; this keeps who tries from keeping the database busy."""


class LinkClosed(AxiruError):
    """The link was good once: it was voted by, it is too old, or its approval has ended."""

    code = "conflict"


class Opened(NamedTuple):
    """A link that is good now, what it is for, and whose seat its member would vote in, if not their own."""

    link: EmailLink
    sheet: ApprovalSheet
    in_place_of: str | None


class EmailVoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`reason` is required to deny."""

    verdict: Verdict
    reason: Reason = ""


class EmailVoteAnswer(msgspec.Struct, frozen=True):
    """The vote as it was sealed, and where it leaves the approval."""

    vote_id: str
    approval_id: str
    decision_id: str
    approval_state: ApprovalState
    cast_at: datetime


@route("/email/approvals/{token:str}", http_method=["GET", "HEAD"], status_code=200)
async def show_email_approval(request: Request[Any, Any, Any], token: str) -> Response[bytes]:
    """Show what the link is for. Nothing is written, however often it is asked for."""
    try:
        await _count(request)
        opened = await _opened(token)
    except AxiruError as refused:
        return _refused(request, refused)
    if _wants_json(request):
        return _json(opened.sheet)
    return shown(vote_page(opened.sheet, voter=opened.link.member_name, in_place_of=opened.in_place_of))


@post("/email/approvals/{token:str}", status_code=200, operation_class=taking(EmailVoteBody))
async def vote_by_email(request: Request[Any, Any, Any], token: str) -> Response[bytes]:
    """Vote as the member the link was sent to, once, for exactly what it was sent for.

    What is refused for its form, a denial without a reason say, leaves the link as it was.
    """
    reason = ""
    try:
        await _count(request)
        link, sheet, in_place_of = await _opened(token)
        try:
            fields = await _fields(request)
            reason = str(fields.get("reason", ""))
            body = decode(fields, EmailVoteBody)
            answer = await _vote(request, link, body)
        except (InvalidBody, ReasonRequired) as wrong:
            if _wants_json(request):
                raise
            complaint = wrong.field_errors[0].message if isinstance(wrong, InvalidBody) else wrong.message
            page = vote_page(sheet, voter=link.member_name, in_place_of=in_place_of, complaint=complaint, reason=reason)
            return shown(page, status=400)
    except AxiruError as refused:
        return _refused(request, refused)
    if _wants_json(request):
        return _json(answer)
    return shown(voted_page(body.verdict, answer.approval_state))


async def _vote(request: Request[Any, Any, Any], link: EmailLink, body: EmailVoteBody) -> EmailVoteAnswer:
    """The act holds to one vote a member, so of many at once one counts; the link is named in it as its source."""
    services = services_of(request)
    receipt = await cast_vote(
        Ballot(
            approval_id=link.approval_id,
            organization_id=link.organization_id,
            member_id=link.member_id,
            verdict=body.verdict,
            reason=body.reason.strip(),
            door="email",
            digest=link.digest,
            door_ref=link.token_hash,
        ),
        signer=services.signer,
    )
    tell_workflow(receipt.decision_id, MoneyMovement.vote_recorded, receipt.vote_id, services)
    return EmailVoteAnswer(
        receipt.vote_id, receipt.approval_id, receipt.decision_id, receipt.approval_state, receipt.cast_at
    )


async def _opened(token: str) -> Opened:
    """What the link opens, where the member may vote on it now; nobody else is shown anything.

    Raises NotFound, LinkClosed, NotEligible.
    """
    link = await find_link(token)
    if link is None:
        raise NotFound
    # Before the sheet: a vote that is in the way is then on the sheet as well, however close in time it was cast.
    standing = (await standings([link.approval_id], link.member_id)).get(link.approval_id)
    sheet = await read_sheet(link.approval_id)
    if standing is None or sheet is None:
        raise NotFound
    if link.is_used:
        raise LinkClosed("This link has been used: your vote is sealed.", state="used")
    if sheet.state != "pending":
        raise LinkClosed(f"This approval is already {sheet.state}.", state=sheet.state)
    if link.is_expired:
        raise LinkClosed("This link is too old. You can still vote in the console until the deadline.", state="expired")
    obstacle = standing.cannot_vote_because
    if obstacle is not None:
        voted = any(
            link.member_id in {vote.member.id, vote.on_behalf_of and vote.on_behalf_of.id} for vote in sheet.votes
        )
        if voted:
            raise ApprovalClosed(obstacle, state="voted")
        raise NotEligible(obstacle)
    return Opened(link, sheet, standing.on_behalf_of_name)


async def _count(request: Request[Any, Any, Any]) -> None:
    """Raises RateLimited."""
    address = request.client.host if request.client else ""
    await services_of(request).rate_limit.hit(f"email/address/{address}", per_minute=PER_MINUTE)


async def _fields(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """What was sent, as the page's form or as JSON.

    Raises InvalidBody, InvalidJson, PayloadTooLarge, UnsupportedMediaType.
    """
    match media_type(request):
        case "application/json":
            return await read_object(request)
        case forms.FORM:
            return {name: value for name, value in (await read_form(request)).items()}
        case _:
            raise UnsupportedMediaType(f"Send application/json, or {forms.FORM} as the page does.")


def _refused(request: Request[Any, Any, Any], error: AxiruError) -> Response[bytes]:
    answer = refusal(request, error)
    status = answer.status_code or 500
    if _wants_json(request) or status >= 500:
        return answer
    title = _TITLES.get(status, "This did not work")
    message = _NOT_FOUND if status == 404 else error.message
    headers = {name: value for name, value in answer.headers.items() if name.lower() == "retry-after"}
    return shown(notice_page(title, message), status=status, headers=headers)


_NOT_FOUND: Final = "There is nothing behind this link. It may have been cut off by your mail program."
_TITLES: Final = {
    403: "You cannot vote on this",
    404: "No such link",
    409: "This link is closed",
    429: "Too many requests",
}


def _wants_json(request: Request[Any, Any, Any]) -> bool:
    """JSON is answered with JSON; a browser names HTML, and who names neither is shown the page."""
    accepted = request.headers.get("accept", "")
    return media_type(request) == "application/json" or ("application/json" in accepted and "text/html" not in accepted)


def _json(answer: ApprovalSheet | EmailVoteAnswer) -> Response[bytes]:
    return Response(msgspec.json.encode(answer), media_type=MediaType.JSON, headers={"Referrer-Policy": "no-referrer"})
