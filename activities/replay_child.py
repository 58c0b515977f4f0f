"""The replaying process: a job and its history in, progress, findings and the report out.

A process of its own and of low priority: what takes a core for seconds must not share an interpreter with decisions.
"""

import functools
import gc
import os
import signal
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final, assert_never

import msgspec

from activities.replay_shapes import Done, Found, Job, ListInForce, Progress, Refused, Told
from ledger.acts.list_values import fold
from policies import Policy, PolicyInvalid, parse
from policies.history import HistoryInvalid, NothingAboutRefunds, Report, Stage, replay
from policies.history.judging import Lists
from policies.history.stripe_refunds import replay_pulled
from policies.history.what_if import StoredDecision, WhatIf

_YIELDING: Final = 10
_FINDINGS_A_LINE: Final = 1_000
_TOLD_EVERY: Final = 500


def main() -> None:
    """Replay what comes in on standard input. A defect ends the process with its trace."""
    # A Ctrl-C in a terminal reaches the whole group; the worker decides when this ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_YIELDING)
    # What a replay makes stays until its end, which is this process's; there are no circles in it to collect.
    gc.disable()
    source = sys.stdin.buffer
    job = msgspec.json.decode(source.readline(), type=Job)
    for told in _told(job, source):
        _say(told)


def _told(job: Job, source: BinaryIO) -> Iterator[Told]:
    lists: Lists = {
        slug: functools.partial(_contains, held, frozenset(held.values)) for slug, held in job.lists.items()
    }
    try:
        policy = parse(job.policy)
        match job.source:
            case "csv":
                report = replay(source, policy, lists=lists, progress=_say_progress)
            case "decisions":
                report = _what_if(source, policy, lists)
            case "stripe":
                report = replay_pulled(source, policy, lists=lists, progress=_say_progress)
            case _:
                assert_never(job.source)
    except HistoryInvalid as invalid:
        yield Refused(invalid.reason, invalid.message, invalid.line, invalid.column)
    except NothingAboutRefunds as error:
        yield Refused(error.code, error.message)
    except PolicyInvalid as invalid_policy:
        yield Refused(invalid_policy.code, invalid_policy.message)
    else:
        for start in range(0, len(report.findings), _FINDINGS_A_LINE):
            yield Found(report.findings[start : start + _FINDINGS_A_LINE])
        yield Done(msgspec.structs.replace(report, findings=()))


def _what_if(source: BinaryIO, policy: Policy, lists: Lists) -> Report:
    asked = WhatIf(policy, lists)
    decoder = msgspec.json.Decoder(StoredDecision)
    for done, line in enumerate(source):
        if done % _TOLD_EVERY == 0:
            _say_progress("deciding", done, None)
        asked.add(decoder.decode(line))
    return asked.report()


def _contains(held: ListInForce, values: frozenset[str], word: str) -> bool:
    # What cannot stand in such a list is looked up as it is, and not found.
    return (fold(held.kind, word) or word) in values


def _say_progress(stage: Stage, done: int, total: int | None) -> None:
    _say(Progress(stage, done, total))


def _say(told: Told) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
