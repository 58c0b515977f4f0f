"""The API's endpoint for budgets. Raises what ApiClient raises."""

from axiru.domain.movement import Mode
from console.api_client import ApiClient
from console.budget_views import BudgetPage


class BudgetApi:
    """What rolling windows hold, as the logged-in member may see it."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def budgets(
        self, *, mode: Mode, per: str = "", subject: str = "", rail: str = "", surface_mode: str = "", limit: int = 50
    ) -> BudgetPage:
        """Most used first. With `per`, the subject's rows are there even if nothing moved."""
        wanted = {"mode": mode, "per": per, "subject": subject, "rail": rail, "surface_mode": surface_mode}
        params = {name: value for name, value in wanted.items() if value} | {"limit": str(limit)}
        return await self._api.call("GET", "/api/v1/budgets", BudgetPage, params=params)
