"""toxiproxy's HTTP API, as much of it as cutting takes (https://github.com/Shopify/toxiproxy#http-api)."""

from typing import assert_never

import httpx

from axiru.contract_suite.cases import Manner


class Toxiproxy:
    """A running toxiproxy at `url`. Everything raises httpx.HTTPError when it does not do as it is told."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=5, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def version(self) -> str:
        """What it calls itself."""
        return (await self._http.get("/version")).raise_for_status().text

    async def create(self, name: str, *, listen: str, upstream: str) -> None:
        """A proxy from `listen` to `upstream`, both `host:port`."""
        proxy = {"name": name, "listen": listen, "upstream": upstream, "enabled": True}
        (await self._http.post("/proxies", json=proxy)).raise_for_status()

    async def delete(self, name: str) -> None:
        """Remove a proxy; one that is not there is as good."""
        answer = await self._http.delete(f"/proxies/{name}")
        if answer.status_code != 404:
            answer.raise_for_status()

    async def cut(self, name: str, manner: Manner) -> None:
        """`down`: connections are closed and refused. `hanging`: they stay, and nothing comes through."""
        match manner:
            case "down":
                await self._set_enabled(name, False)
            case "hanging":
                for stream in ("upstream", "downstream"):
                    toxic = {"name": stream, "type": "timeout", "stream": stream, "attributes": {"timeout": 0}}
                    (await self._http.post(f"/proxies/{name}/toxics", json=toxic)).raise_for_status()
            case never:
                assert_never(never)

    async def heal(self, name: str) -> None:
        """Let everything through again. Connections that hung are closed by it."""
        await self._set_enabled(name, True)
        toxics = (await self._http.get(f"/proxies/{name}/toxics")).raise_for_status().json()
        for toxic in toxics:
            (await self._http.delete(f"/proxies/{name}/toxics/{toxic['name']}")).raise_for_status()

    async def _set_enabled(self, name: str, enabled: bool) -> None:
        (await self._http.post(f"/proxies/{name}", json={"enabled": enabled})).raise_for_status()
