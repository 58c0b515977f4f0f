"""Where stripe-mock is looked for."""

import stat
from pathlib import Path

import pytest

from axiru.dev.sandbox.stripe_mock import WHERE_STRIPE_MOCK_CAN_BE_HAD, stripe_mock_binary


def executable(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_path_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = executable(tmp_path / "path" / "stripe-mock")
    cached = executable(tmp_path / "cache" / "bin" / "stripe-mock")
    monkeypatch.setenv("AXIRU_CACHE_DIR", str(tmp_path / "cache"))

    monkeypatch.setenv("PATH", str(on_path.parent))
    assert stripe_mock_binary() == on_path
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert stripe_mock_binary() == cached


def test_go_builds_it_into_the_cache_and_leaves_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = executable(tmp_path / "path" / "go")
    go.write_text(
        '#!/bin/sh\n[ "$1 $2" = "install github.com/stripe/stripe-mock@v0.203.0" ] && : > "$GOBIN/stripe-mock"\n'
    )
    monkeypatch.setenv("PATH", str(go.parent))
    monkeypatch.setenv("AXIRU_CACHE_DIR", str(tmp_path / "cache"))
    said: list[str] = []

    assert stripe_mock_binary(said.append) == tmp_path / "cache" / "bin" / "stripe-mock"
    assert [file.name for file in (tmp_path / "cache" / "bin").iterdir()] == ["stripe-mock"]
    assert len(said) == 1


@pytest.mark.parametrize("go_is_there", [True, False])
def test_without_any_way_it_says_where_it_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go_is_there: bool
) -> None:
    if go_is_there:
        executable(tmp_path / "path" / "go").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("AXIRU_CACHE_DIR", str(tmp_path / "cache"))
    said: list[str] = []

    assert stripe_mock_binary(said.append) is None
    assert said[-1] == WHERE_STRIPE_MOCK_CAN_BE_HAD
    assert any("no network" in line for line in said) is go_is_there
