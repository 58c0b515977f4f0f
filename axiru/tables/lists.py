"""Lists of customers, countries, accounts or words, each with versions of its own."""

from piccolo.columns import Array, Integer, Text, Timestamptz
from piccolo.table import Table


class List(Table, tablename="lists"):
    id = Text(primary_key=True)
    organization_id = Text()
    slug = Text()
    kind = Text()
    description = Text()
    created_at = Timestamptz()


class ListVersion(Table, tablename="list_versions"):
    """`status` is proposed, active or retired. The hash and the size are what the ledger holds of its values."""

    id = Text(primary_key=True)
    organization_id = Text()
    slug = Text()
    version = Integer()
    status = Text()
    content_hash = Text()
    size = Integer()
    author_member_ids = Array(base_column=Text())
    note = Text()
    created_at = Timestamptz()
    activation_id = Text(null=True, default=None)
    activated_at = Timestamptz(null=True, default=None)
    retired_at = Timestamptz(null=True, default=None)


class ListValue(Table, tablename="list_values"):
    list_version_id = Text(primary_key=True)
    value = Text()
