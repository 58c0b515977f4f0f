"""What a delivery tells, in words."""

import pytest

from axiru.domain.webhook_events import EVENTS, SUBSCRIPTIONS
from console.webhook_words import FAMILIES, event_text


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_of_webhooks_has_words(event: str) -> None:
    assert not {".", "_"} & set(event_text(event))
    assert event_text(event)[0].isupper()


def test_every_family_can_be_asked_for_and_is_offered() -> None:
    assert set(FAMILIES) == {name for name in SUBSCRIPTIONS if name.endswith("*")}


def test_one_that_is_not_known_yet_keeps_its_own_name_in_plain_letters() -> None:
    assert event_text("payout.bounced_back") == "Payout: bounced back"
