"""The npm package: its own tests, its types, and what is in it."""

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sdk" / "auth-token-verifier"


def _run(*command: str) -> str:
    """What a program of the locked Node says. Fails with all it said, where it fails."""
    program, *arguments = command
    done = subprocess.run(  # noqa: S603 - the Node of the environment
        [ROOT / ".venv" / "bin" / program, *arguments],
        cwd=PACKAGE,
        env=os.environ | {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_own_tests_pass() -> None:
    said = _run("node", "--test", "--test-reporter=tap", "test/*.test.ts")
    vectors = json.loads((ROOT / "sdk" / "vectors" / "vectors.json").read_text("utf-8"))
    names = {vector["name"] for vector in vectors["accepted"] + vectors["refused"]}
    # In TAP, `#` and `\\` are escaped.
    passed = {
        line.partition(" - ")[2].replace("\\", "") for line in said.splitlines() if line.strip().startswith("ok ")
    }
    assert names <= passed, names - passed
    assert "\n# fail 0\n" in said
    assert "\n# skipped 0\n" in said


def test_source_and_tests_have_the_types_they_say() -> None:
    _run("npm", "run", "--silent", "check")


def test_what_is_built_is_what_is_written(tmp_path: Path) -> None:
    _run("node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", "--outDir", str(tmp_path))
    written, built = (
        {file.name: file.read_text("utf-8") for file in directory.iterdir()}
        for directory in (tmp_path, PACKAGE / "dist")
    )
    assert built == written, "run make setup-tests"


def test_package_has_what_is_built_with_its_types_and_nothing_else() -> None:
    packed = json.loads(_run("npm", "pack", "--dry-run", "--ignore-scripts", "--json"))
    files = {file["path"] for file in (packed if isinstance(packed, list) else list(packed.values()))[0]["files"]}
    modules = {file.stem for file in (PACKAGE / "src").glob("*.ts")}
    built = {f"dist/{module}.{ending}" for module in modules for ending in ("js", "d.ts")}
    assert files == built | {"package.json", "README.md"}
