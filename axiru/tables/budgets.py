"""Budgets that were told of; what they hold is counted from movements."""

from piccolo.columns import Text, Timestamptz
from piccolo.table import Table


class BudgetExhaustion(Table, tablename="budget_exhaustions"):
    """A budget that stopped something, which is told once until its window fills up anew. No row: not told yet."""

    organization_id = Text(primary_key=True)
    mode = Text()
    surface_mode = Text()
    policy = Text()
    rule_id = Text()
    budget_window = Text()
    subject = Text()
    told_at = Timestamptz()
