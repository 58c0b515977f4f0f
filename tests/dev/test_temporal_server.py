"""How the Temporal server is found, and what it is started with."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from axiru.dev import temporal_binary, temporal_config
from axiru.dev.dev_json import DevJson
from axiru.dev.refusal import PartMissing, StackRefused

SERVER = '#!/bin/sh\ncase "$*" in *--help*) echo "  -f, --db-filename string";; esac\n'
OTHER_PROGRAM = "#!/bin/sh\necho a calculus of time\n"
StartStack = Callable[..., Any]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with an empty PATH directory and cache, and no way to the download host."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("AXIRU_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("axiru.dev.binaries.GO_DIRECTORY", str(tmp_path / "no-go"))
    monkeypatch.setattr(temporal_binary, "DOWNLOAD_HOST", "temporal.invalid")
    return tmp_path


async def test_server_on_path_comes_before_the_one_in_the_cache(machine: Path) -> None:
    cached = _program(machine / "cache" / "bin" / "temporal", SERVER)
    assert await temporal_binary.find_temporal() == cached
    on_path = _program(machine / "programs" / "temporal", SERVER)
    assert await temporal_binary.find_temporal() == on_path


async def test_other_program_named_temporal_is_passed_over(machine: Path) -> None:
    _program(machine / "programs" / "temporal", OTHER_PROGRAM)
    cached = _program(machine / "cache" / "bin" / "temporal", SERVER)

    assert await temporal_binary.find_temporal() == cached


async def test_without_download_the_server_is_built_with_go_and_each_step_is_told(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _program(machine / "server", SERVER)
    _program(
        machine / "programs" / "go",
        f'#!/bin/sh\necho "$@" > {machine}/asked\n/bin/mkdir -p "$GOBIN"\n/bin/cp {machine}/server "$GOBIN/temporal"\n',
    )

    built = await temporal_binary.find_temporal()

    assert built == machine / "cache" / "bin" / "temporal"
    assert (machine / "asked").read_text() == "install github.com/temporalio/cli/cmd/temporal@v1.5.1\n"
    assert [path.name for path in (machine / "cache" / "bin").iterdir()] == ["temporal"]
    said = capsys.readouterr().out
    assert said.index("no server on PATH") < said.index("no download possible") < said.index("server built at")


async def test_no_way_at_all_names_the_four(machine: Path) -> None:
    with pytest.raises(PartMissing) as refused:
        await temporal_binary.find_temporal()

    for way in ("AXIRU_TEMPORAL_ADDRESS", "PATH", "SDK", "Go"):
        assert way in refused.value.message


async def test_failed_build_is_told_with_its_last_line(machine: Path) -> None:
    _program(machine / "programs" / "go", "#!/bin/sh\necho no space left on device >&2\nexit 1\n")

    with pytest.raises(PartMissing, match="no space left on device"):
        await temporal_binary.find_temporal()


def test_unreachable_address_from_the_environment_is_one_sentence(start_stack: StartStack, tmp_path: Path) -> None:
    environment = {"AXIRU_TEMPORAL_ADDRESS": "127.0.0.1:1"}

    stack = start_stack(tmp_path / "home", "--only", "temporal", environment=environment)

    assert stack.process.wait(30) == 1
    assert "No Temporal server answers at 127.0.0.1:1 (AXIRU_TEMPORAL_ADDRESS)." in stack.said()
    assert "Traceback" not in stack.said()


def test_two_homes_run_side_by_side(start_stack: StartStack, tmp_path: Path) -> None:
    stacks = [start_stack(tmp_path / name / "home", "--only", "temporal") for name in ("one", "two")]

    addresses = {stack.ready().temporal_address for stack in stacks}

    assert len(addresses) == 2
    assert [stack.stop() for stack in stacks] == [0, 0]


async def test_namespace_keeps_histories_for_seven_days(infrastructure: DevJson) -> None:
    client = await Client.connect(infrastructure.temporal_address)

    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=infrastructure.temporal_namespace)
    )

    assert described.config.workflow_execution_retention_ttl.ToTimedelta().days == 7


def test_file_becomes_flags_with_json_values(tmp_path: Path) -> None:
    flags = temporal_config.flags(temporal_config.load(), port=7000, ui_port=8000, directory=tmp_path)

    assert flags[:6] == ("--ip", "127.0.0.1", "--port", "7000", "--ui-port", "8000")
    assert f"{tmp_path}/temporal.db" in flags
    assert "history.transferProcessorMaxPollRPS=2000" in flags
    assert "journal_mode=WAL" in flags


def test_misspelt_setting_does_not_load(tmp_path: Path) -> None:
    file = tmp_path / "temporal-dev.yaml"
    file.write_text(temporal_config.FILE.read_text().replace("dynamic_config:", "dynamic_konfig:"))

    with pytest.raises(StackRefused, match="dynamic_konfig"):
        temporal_config.load(file)


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
