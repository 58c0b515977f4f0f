"""What the passing of time does: payouts leave and arrive, deadlines end, balances are paid out.

Entries wait in the state file until the sandbox's clock reaches them, and happen at the time they were due, in order,
however far the clock was moved at once.
"""

from collections.abc import Callable
from typing import Final

from axiru.dev.sandbox import approvals
from axiru.dev.sandbox.books import Books
from axiru.dev.sandbox.clock import Clock
from axiru.dev.sandbox.operations import balance_settings, dispute_life, payout_life, refund_life
from axiru.dev.sandbox.store import Store

DEEDS: Final[dict[str, Callable[[Books, str], None]]] = {
    payout_life.LEAVE: payout_life.leave,
    payout_life.ARRIVE: payout_life.arrive,
    balance_settings.PAY_OUT: balance_settings.pay_out,
    refund_life.EXPIRE: refund_life.expire,
    dispute_life.DUE: dispute_life.end_deadline,
    dispute_life.DECIDE: dispute_life.decide,
    approvals.EXPIRE: approvals.expire,
}


class Agenda:
    def __init__(self, store: Store, clock: Clock, *, announces: bool) -> None:
        self._store = store
        self._clock = clock
        self._announces = announces

    def catch_up(self) -> bool:
        """Do all that is due by now. Gives whether anything was."""
        done = False
        while (row := self._next()) is not None:
            seq, due_at, account, deed, object_id = row
            with self._store.transaction() as connection:
                connection.execute("DELETE FROM agenda WHERE seq = ?", (seq,))
                DEEDS[deed](Books(self._store, account=account, now=due_at, announces=self._announces), object_id)
            done = True
        return done

    def _next(self) -> tuple[int, int, str, str, str] | None:
        row: tuple[int, int, str, str, str] | None = self._store.connection.execute(
            "SELECT seq, due_at, account, deed, object_id FROM agenda WHERE due_at <= ? ORDER BY due_at, seq LIMIT 1",
            (self._clock.now(),),
        ).fetchone()
        return row
