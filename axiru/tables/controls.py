"""Controls: the kill switch and what else stops money outside of policy."""

from piccolo.columns import JSONB, Text, Timestamptz
from piccolo.table import Table


class Control(Table, tablename="controls"):
    """`applies_to` is test, live or both. In force from `engaged_at` until lifted or expired."""

    id = Text(primary_key=True)
    organization_id = Text()
    kind = Text()
    scope = JSONB()
    applies_to = Text()
    reason = Text()
    engaged_by = Text()
    engaged_at = Timestamptz()
    expires_at = Timestamptz(null=True, default=None)
    lifted_by = Text(null=True, default=None)
    lifted_reason = Text(null=True, default=None)
    lifted_at = Timestamptz(null=True, default=None)
