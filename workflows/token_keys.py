"""One look at the keys that sign tokens, started by a schedule; how often is a matter of the settings."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.token_keys import TokenKeys

LOOK_TIMEOUT: Final = timedelta(seconds=30)
# The next look makes good what this one could not.
LOOK_RETRY: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3)


@workflow.defn
class TokenKeyRotation:
    """Started by a schedule."""

    @workflow.run
    async def run(self) -> str | None:
        """The id of the key that was published, or None where none was due."""
        return await workflow.execute_activity_method(
            TokenKeys.rotate, start_to_close_timeout=LOOK_TIMEOUT, retry_policy=LOOK_RETRY
        )
