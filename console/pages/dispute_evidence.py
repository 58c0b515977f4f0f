"""The evidence of one dispute, version by version: what it says, what is missing, and what changed between two."""

from console.components.badge import badge
from console.components.code_value import code_value
from console.components.diff import DiffRow, diff_table
from console.components.empty_state import empty_state
from console.components.icon import icon
from console.components.kept import Kept
from console.components.key_value import fact, key_values
from console.components.select_field import SelectField
from console.components.text import Text, block, link
from console.components.timestamp import Timestamp
from console.dispute_views import Dispute, EvidencePacket
from console.dispute_words import field_name, in_order


class EvidencePanel:
    """The panel. Which versions are compared is the reader's choice and outlives live updates."""

    def __init__(self) -> None:
        self._kept = Kept()
        self._packets: tuple[EvidencePacket, ...] = ()
        with block("section", "panel", aria_label="Evidence"):
            Text("h2", "Evidence")
            with block("div", "panel-body") as self._choice, block("div", "two-fields"):
                self._version = SelectField("Version", {"": ""}, "", on_change=self._build)
                self._beside = SelectField("Beside", {"": "Nothing"}, "", on_change=self._build)
            self._body = block("div", "panel-body")
        self._choice.set_visibility(False)

    def show(self, dispute: Dispute) -> None:
        self._kept.show((dispute.packets, dispute.status), lambda: self._take(dispute.packets))

    def _take(self, packets: tuple[EvidencePacket, ...]) -> None:
        newest_was_shown = not self._packets or self._version.value == str(self._packets[0].version)
        self._packets = packets
        named = {str(packet.version): _named(packet) for packet in packets}
        if named:
            self._version.offer(named)
            if newest_was_shown:
                self._version.choose(next(iter(named)))
            self._beside.offer({"": "Nothing", **named})
        self._choice.set_visibility(len(packets) > 1)
        self._build()

    def _build(self) -> None:
        chosen = next((one for one in self._packets if str(one.version) == self._version.value), None)
        beside = next((one for one in self._packets if str(one.version) == self._beside.value), None)
        self._body.clear()
        with self._body:
            if chosen is None:
                empty_state("No evidence yet", "It is gathered from decisions and from the charge within a minute.")
                return
            _about(chosen)
            if beside is not None and beside is not chosen:
                _compared(beside, chosen)
            else:
                with block("dl", "evidence"):
                    for field in in_order(chosen.evidence):
                        Text("dt", field_name(field))
                        Text("dd", chosen.evidence[field], "kept-lines")
            _missing(chosen)


def _named(packet: EvidencePacket) -> str:
    marks = [
        *(["submitted"] if packet.submitted_at else ["on Stripe"] if packet.staged_at else []),
        *(["degraded"] if packet.degraded else []),
    ]
    return f"Version {packet.version}" + (f", {', '.join(marks)}" if marks else "")


def _about(packet: EvidencePacket) -> None:
    with block("p", "row-head"):
        Text("strong", f"Version {packet.version}")
        if packet.submitted_at is not None:
            badge("Submitted", "done", "check-circle")
        elif packet.staged_at is not None:
            badge("On Stripe, not submitted", "neutral", "eye")
        if packet.degraded:
            badge("Degraded", "failed", "alert")
        elif packet.last_good and packet.submitted_at is None:
            badge("What would be sent", "good", "check")
        if packet.submitted_degraded:
            badge("Sent by Axiru before the deadline", "waiting", "alert")
    with key_values("key-values-wide"):
        with fact("Built"):
            Timestamp(packet.built_at)
            Text("span", f" by {packet.built_by.shown}", "muted")
        if packet.submitted_at is not None:
            with fact("Submitted"):
                Timestamp(packet.submitted_at)
                if packet.submitted_by_decision:
                    Text("span", " by ", "muted")
                    link(packet.submitted_by_decision, f"/decisions/{packet.submitted_by_decision}", "mono")
        with fact("Digest"):
            code_value(packet.digest, "digest")
    if packet.degraded:
        with block("p", "flag forbidden"):
            icon("alert")
            Text(
                "span",
                "Not everything could be read when it was built. Unless a better one is built, an earlier "
                "good version is what goes out.",
            )


def _compared(before: EvidencePacket, after: EvidencePacket) -> None:
    fields = in_order({**before.evidence, **after.evidence})
    diff_table(
        f"Version {before.version} beside version {after.version}",
        f"Version {after.version}",
        [DiffRow(field_name(field), before.evidence.get(field), after.evidence.get(field)) for field in fields],
        asked=f"Version {before.version}",
    )


def _missing(packet: EvidencePacket) -> None:
    if not packet.missing or packet.submitted_at is not None:
        return
    with block("div", "missing-facts"):
        Text("p", "What would still help against this reason:", "muted")
        with block("p", "chips"):
            for field in packet.missing:
                Text("span", field_name(field), "chip")
