"""One panel of the account page: it reads for itself, so that one that cannot be read hides no other."""

from abc import ABC, abstractmethod

from console.event_stream import StreamEvent
from console.following import Following
from console.sessions import Session
from console.theme import Frame


class AccountPart(ABC):
    """Built by its constructor; `start` reads at once, and `changed` again after something was done here."""

    def __init__(self, session: Session, shell: Frame) -> None:
        self._session = session
        self._shell = shell

    @abstractmethod
    async def read(self) -> None:
        """Get from the API and show. Raises what ApiClient raises."""

    async def start(self) -> None:
        self._following = Following(
            self._session,
            "test",
            read=self.read,
            concerns=_is_pushed,
            problem=lambda sentence: self._shell.problem(type(self).__name__, sentence),
        )
        await self._following.start()

    def changed(self) -> None:
        self._following.resync()


def _is_pushed(event: StreamEvent) -> bool:
    """Nothing of the account is."""
    del event
    return False
