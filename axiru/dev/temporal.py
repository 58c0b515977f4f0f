"""Temporal's dev server as a direct child, with the namespace kept as `temporal-dev.yaml` says."""

from pathlib import Path

from axiru.dev.home import Home
from axiru.dev.part import Part, run_to_end
from axiru.dev.temporal_config import TemporalConfig, flags


def temporal(home: Home, binary: Path, config: TemporalConfig, *, port: int, ui_port: int) -> Part:
    """The part. It is ready once the namespace answers, and has been given its retention."""
    directory = home.part("temporal")
    log = home.log("temporal")
    address = f"{config.server.ip}:{port}"
    keep_history = (
        *(str(binary), "operator", "namespace", "update"),
        *("--namespace", config.namespace.name, "--retention", config.namespace.retention),
        *("--address", address, "--command-timeout", "5s", "--disable-config-file", "--disable-config-env"),
    )

    async def is_ready() -> bool:
        # start-dev has no flag for the retention; the update also proves that the server answers.
        return await run_to_end(keep_history, log=home.log("temporal-namespace")) == 0

    return Part(
        name="temporal",
        title="Temporal",
        command=(str(binary), "server", "start-dev", *flags(config, port=port, ui_port=ui_port, directory=directory)),
        log=log,
        is_ready=is_ready,
    )
