"""Stored requests evaluated again, as a what-if over history does: JSON from the tables in, evaluation out."""

import json
import time
from itertools import cycle, islice
from random import Random

import msgspec

from axiru.domain.movement import Amount, Context, Initiator, Merchant, Ovt, Target
from bench.policy.engines import NOW
from policies import compile_policy, evaluate, facts_of, pack, parse

_DIFFERENT = 10_000


def stored_requests_per_second(count: int) -> float:
    """Decode the request and its windows, derive the facts, evaluate with the starter pack.

    Seconds are of the processor's time: one core's work, however many others want it.
    """
    compiled = compile_policy(parse(pack("refunds-starter")))
    names = tuple(window.name for window in compiled.windows)
    rows = [_row(number, names) for number in range(_DIFFERENT)]
    ovt_of, windows_of = msgspec.json.Decoder(Ovt).decode, msgspec.json.Decoder(dict[str, int | None]).decode
    begin = time.process_time()
    for ovt, windows in islice(cycle(rows), count):
        evaluate(compiled, facts_of(ovt_of(ovt), windows=windows_of(windows)), now=NOW)
    return count / (time.process_time() - begin)


def _row(number: int, windows: tuple[str, ...]) -> tuple[str, str]:
    """A request as `requests.ovt` gives it, and what its windows held. About one in four meets a rule."""
    chance = Random(number)  # noqa: S311 - requests to be had again, no secret
    tenure = chance.randrange(1_000)
    ovt = Ovt(
        rail="stripe",
        rail_action="refund",
        amount=Amount(str(chance.randrange(100, 20_000)), chance.choice(["usd"] * 19 + ["eur"])),
        initiator=Initiator("service", f"key_{number % 7}", ("decisions:write",)),
        idempotency_key=f"refund-{number}",
        merchant=Merchant("stripe_conn_demo", "acct_demo"),
        target=Target(charge=f"ch_{number}"),
        context=Context(
            customer_id=f"cus_{number}",
            customer_tenure_days=None if tenure < 100 else tenure,
            reason_code=chance.choice(["duplicate_charge"] * 19 + ["fraudulent"]),
            source="support_tool",
        ),
        metadata={"order_id": f"order_{number}", "ticket": f"T-{number}"},
    )
    held = {name: chance.choice([0, 0, 0, 0, 0, 1, 2, 3]) for name in windows}
    # The spacing of PostgreSQL's jsonb.
    return json.dumps(msgspec.to_builtins(ovt)), json.dumps(held)
