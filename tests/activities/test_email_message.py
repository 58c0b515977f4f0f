"""Mails as bytes: whatever people and callers wrote, headers are ours, HTML is escaped, and both parts say the same."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.email_message import Letter, Recipient, composed
from axiru.domain.sheet_lines import Line, Section, on_one_line

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TO = Recipient("Vera", "vera@house.example")


def letter(subject: str = "Approval wanted", value: str = "$400.00") -> Letter:
    return Letter(
        subject=subject,
        greeting="Hello Vera,",
        paragraphs=("Your approval is wanted.",),
        link=("See everything and vote", "https://axiru.example/email/approvals/lt_1"),
        below_link=("Good for one vote.",),
        sections=(Section("What was asked", (Line("Amount", value),)),),
        footer="Sent by Axiru.",
        about="ap_1",
    )


def arrived(written: Letter, to: Recipient = TO, sender: str = "Axiru <axiru@house.example>") -> EmailMessage:
    """The mail as a mail program reads it."""
    raw = composed(written, to=to, sender=sender, delivery_id="dl_1", now=NOW).as_bytes()
    return message_from_bytes(raw, policy=policy.default)


def test_headers_say_what_it_is() -> None:
    mail = arrived(letter())

    assert {name: str(mail[name]) for name in ("From", "To", "Subject", "Message-ID", "References")} == {
        "From": "Axiru <axiru@house.example>",
        "To": "Vera <vera@house.example>",
        "Subject": "Approval wanted",
        "Message-ID": "<dl_1@house.example>",
        "References": "<ap_1@house.example>",
    }
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOW


def test_a_mail_sent_twice_has_one_message_id() -> None:
    assert arrived(letter())["Message-ID"] == arrived(letter("Reminder"))["Message-ID"]


@given(st.text(max_size=300), st.text(max_size=100))
def test_no_text_adds_a_header_or_a_recipient(subject: str, name: str) -> None:
    mail = arrived(letter(subject), Recipient(name, "vera@house.example"))

    assert sorted(mail.keys()) == sorted(arrived(letter()).keys())
    assert [address.addr_spec for address in mail["To"].addresses] == ["vera@house.example"]
    assert len(mail.get_all("Subject", [])) == 1


@pytest.mark.parametrize(
    "injected", ["x\r\nBcc: thief@evil.example", "x\nBcc: thief@evil.example", "x\u2028Bcc: y", "x\x00Bcc: y"]
)
def test_line_breaks_in_a_reason_stay_in_the_subject(injected: str) -> None:
    mail = arrived(letter(f"Approval wanted: {injected}"), Recipient(injected, "vera@house.example"))

    assert mail["Bcc"] is None
    assert "Bcc: " in str(mail["Subject"])


def test_html_holds_no_markup_of_others_and_loads_nothing() -> None:
    mail = arrived(letter(value='<img src="https://evil.example/p.gif"><script>steal()</script>'))
    html = mail.get_body(("html",))
    assert html is not None
    content = str(html.get_content())

    assert "&lt;img src=&quot;https://evil.example/p.gif&quot;&gt;" in content
    assert "<img" not in content
    assert "<script" not in content
    for loading in ("src=", "url(", "<link", "@import"):
        assert loading not in content.replace("&lt;img src=", "")


def test_text_and_html_carry_the_same_link_and_lines() -> None:
    mail = arrived(letter())
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        content = str(part.get_content())
        assert "https://axiru.example/email/approvals/lt_1" in content
        assert "$400.00" in content


@pytest.mark.parametrize("address", ["", "no address", "a@b@c", "a b@c.example", "vera@house.example\r\nBcc: x@y.z"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own
        composed(letter(), to=Recipient("Vera", address), sender="axiru@house.example", delivery_id="dl_1", now=NOW)


@given(st.text())
def test_one_line_is_one_line_and_hides_nothing(text: str) -> None:
    assert len(on_one_line(text).splitlines()) <= 1
    assert not {"\u202e", "\u200b", "\ufeff", "\x1b"} & set(on_one_line(text))
