"""What the API says of policies, drafts and templates, as the console reads it; see `console.views` for the rules."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from console.views import Person

Status = Literal["draft", "shadow", "active", "retired"]
TextFormat = Literal["yaml", "plain"]


class TextError(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a text says nothing a policy can say. Counted from 1; empty where there is nothing to name."""

    line: int
    column: int
    message: str
    expected: str = ""
    nearest: str = ""
    code: str = ""
    hint: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What the static checks say of a policy that compiles; errors keep it from being published."""

    code: str
    severity: Literal["error", "warning"]
    message: str
    rules: tuple[str, ...] = ()
    line: int = 0
    column: int = 0
    hint: str = ""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule and the sentence that states it."""

    id: str
    effect: str
    kind: str = ""
    reason: str = ""
    message: str = ""
    plain: str = ""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A text as it was understood. `yaml` and `plain` are there exactly when there are no errors."""

    errors: tuple[TextError, ...] = ()
    findings: tuple[Finding, ...] = ()
    slug: str | None = None
    yaml: str | None = None
    plain: str | None = None
    rules: tuple[Rule, ...] = ()

    @property
    def faults(self) -> tuple[TextError | Finding, ...]:
        """Everything that keeps this from being published."""
        return (*self.errors, *(finding for finding in self.findings if finding.severity == "error"))


class VersionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A published version. A canary is a shadow that decides `canary_percent` of the requests.

    `agreement_rate` is the share of the `compared` decisions for which it said what counted.
    """

    id: str
    slug: str
    version: int
    name: str
    status: Status
    content_hash: str
    canary_percent: int = 0
    authors: tuple[Person, ...] = ()
    note: str = ""
    published_at: datetime | None = None
    activated_at: datetime | None = None
    activated_by: Person | None = None
    retired_at: datetime | None = None
    compared: int | None = None
    agreement_rate: float | None = None


class Version(VersionSummary, frozen=True, kw_only=True):
    """A version with its text and what it says, rule by rule."""

    source: str
    format: TextFormat
    yaml: str
    plain: str
    description: str = ""
    findings: tuple[Finding, ...] = ()
    rules: tuple[Rule, ...] = ()


class DraftSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A text on its way to a version. Whoever saved it is one of its authors; `revision` counts the savings."""

    id: str
    slug: str
    format: TextFormat
    note: str
    revision: int
    updated_at: datetime
    authors: tuple[Person, ...] = ()
    published_version: int | None = None
    discarded_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.published_version is None and self.discarded_at is None


class Draft(DraftSummary, frozen=True, kw_only=True):
    """A draft with its text as it was written."""

    text: str


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy: the version in force, those that look on (a canary among them), and what is being written."""

    slug: str
    live: VersionSummary | None = None
    shadows: tuple[VersionSummary, ...] = ()
    drafts: tuple[DraftSummary, ...] = ()
    versions: tuple[VersionSummary, ...] = ()
    latest_version: int | None = None


class PolicyList(msgspec.Struct, frozen=True):
    items: tuple[Policy, ...]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions for which live and shadow named the same pair of rules; `amount` is minor units by currency."""

    live_outcome: str
    outcome: str
    live_reason: str
    reason: str
    count: int
    live_rule: str | None = None
    rule: str | None = None
    amount: dict[str, int | str] = {}
    examples: tuple[str, ...] = ()


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """A shadow beside what counted, over a stretch of time; no rate where nothing was compared."""

    compared: int
    agreed: int
    agreement_rate: float | None = None
    live_versions: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """What putting a version in force would change, in the API's sentences."""

    sentences: tuple[str, ...]
    compared: int
    agreement_rate: float | None = None


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """What a template leaves open. No default: a value is needed."""

    name: str
    type: str
    description: str = ""
    default: Any = None


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A policy to start from."""

    name: str
    title: str
    description: str = ""
    parameters: tuple[Parameter, ...] = ()


class TemplateList(msgspec.Struct, frozen=True):
    items: tuple[Template, ...]
