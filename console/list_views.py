"""What the API says of the lists that policies look into, as the console reads it."""

from datetime import datetime
from typing import Literal

import msgspec

from console.views import Person


class ListVersion(msgspec.Struct, frozen=True, kw_only=True):
    """Values as they were proposed at once."""

    id: str
    slug: str
    version: int
    name: str
    status: Literal["proposed", "active", "retired"]
    content_hash: str
    size: int
    authors: tuple[Person, ...] = ()
    note: str = ""
    created_at: datetime
    activated_at: datetime | None = None
    activated_by: Person | None = None
    retired_at: datetime | None = None


class ListVersionDetail(ListVersion, frozen=True, kw_only=True):
    """With its values, and what putting it in force would add to and remove from those in force."""

    values: tuple[str, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class ValueList(msgspec.Struct, frozen=True, kw_only=True):
    """A list. Policies look into `active`; without one, rules that ask for it know nothing."""

    slug: str
    kind: str
    latest_version: ListVersion
    description: str = ""
    active: ListVersion | None = None
    versions: tuple[ListVersion, ...] = ()


class ListPage(msgspec.Struct, frozen=True):
    items: tuple[ValueList, ...]
