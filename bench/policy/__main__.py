"""`python -m bench.policy [--rounds N] [--requests N]`: µs per decision beside other engines, stored requests a second.

The engines take turns in every round, so that a noisy minute of the machine falls on all of them.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from itertools import cycle, islice
from random import Random

from bench.policy.engines import ENGINES, Answer, Ask
from bench.policy.stored import stored_requests_per_second
from bench.policy.workload import matching, not_matching, rules

REQUESTS = {"matching": matching, "not matching": not_matching}
GOAL_MICROSECONDS = 4.0
GOAL_REQUESTS_PER_SECOND = 50_000
CALLS = 10_000

Measured = dict[tuple[int, str], dict[str, list[float]]]
"""By size and kind of request, each engine's microseconds round by round."""


def main(sizes: list[int], rounds: int, seconds: float, requests: int) -> None:
    questions = {(size, kind): asks for size in sizes for kind, asks in _questions(size).items()}
    for asks in questions.values():
        _require_equal_answers(asks)
    measured: Measured = {key: {engine: [] for engine in asks} for key, asks in questions.items()}
    stored: list[float] = []
    for _ in range(rounds):
        for key, asks in questions.items():
            for engine, ready in asks.items():
                measured[key][engine].append(_p50_microseconds(ready, seconds))
        stored.append(stored_requests_per_second(requests))
    for line in _table(measured, stored, requests):
        print(line)


def _questions(size: int) -> dict[str, dict[str, list[Ask]]]:
    """By kind, the same requests made ready for each engine, in an order that does not follow the rules'."""
    prepares = {name: engine(rules(size)) for name, engine in ENGINES.items()}
    asks: dict[str, dict[str, list[Ask]]] = {}
    for kind, requests in REQUESTS.items():
        facts = list(requests(size))
        Random(size).shuffle(facts)  # noqa: S311 - an order to be had again, no secret
        asks[kind] = {name: list(map(prepare, facts)) for name, prepare in prepares.items()}
    return asks


def _require_equal_answers(asks: dict[str, list[Ask]]) -> None:
    """Engines that answer different questions are not compared."""
    ours: list[Answer] = [ask() for ask in asks["axiru"]]
    for engine, ready in asks.items():
        theirs = [ask() for ask in ready]
        if theirs != ours:
            differing = next(position for position, answer in enumerate(theirs) if answer != ours[position])
            raise SystemExit(f"request {differing}: {engine} says {theirs[differing]}, axiru {ours[differing]}")


def _p50_microseconds(ready: list[Ask], seconds: float) -> float:
    """The median of single calls, over the requests in turn; `CALLS` of them, fewer where that takes too long."""
    taken: list[int] = []
    end = time.perf_counter() + seconds
    for ask in islice(cycle(ready), CALLS):
        begin = time.perf_counter_ns()
        ask()
        taken.append(time.perf_counter_ns() - begin)
        if time.perf_counter() > end:
            break
    return statistics.median(taken) / 1_000


def _table(measured: Measured, stored: list[float], requests: int) -> Iterator[str]:
    yield f"µs per decision, p50 of single calls: median of {len(stored)} rounds (lowest to highest), times Axiru's"
    yield ""
    yield f"{'rules':>5}  {'requests':<13}" + "".join(f"{engine:>32}" for engine in ENGINES)
    for (size, kind), engines in measured.items():
        ours = statistics.median(engines["axiru"])
        cells = (_cell(rounds, ours) for rounds in engines.values())
        yield f"{size:>5}  {kind:<13}" + "".join(f"{cell:>32}" for cell in cells)
    yield ""
    low, middle, high = (f"{number:,.0f}" for number in (min(stored), statistics.median(stored), max(stored)))
    yield f"{requests:,} stored requests evaluated again, refunds-starter: {middle} a second of one core ({low}–{high})"
    yield f"Goals: {GOAL_MICROSECONDS:g} µs at every size, {GOAL_REQUESTS_PER_SECOND:,} a second"


def _cell(rounds: list[float], ours: float) -> str:
    median = statistics.median(rounds)
    return f"{median:.1f} ({min(rounds):.1f}–{max(rounds):.1f}) ×{median / ours:.1f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1_000], help="rules in the policies")
    parser.add_argument("--rounds", type=int, default=5, help="how often every engine has its turn")
    parser.add_argument("--seconds", type=float, default=1.0, help="at most so long for one engine's turn")
    parser.add_argument("--requests", type=int, default=1_000_000, help="stored requests evaluated in each round")
    options = parser.parse_args()
    main(options.sizes, options.rounds, options.seconds, options.requests)
