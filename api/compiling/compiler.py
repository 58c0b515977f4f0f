"""The API's side of the compiling process: one at a time, bounded in time, started when it is first needed.

Reading a policy is pure computation that takes milliseconds as a rule and a second when the nearest sentence is looked
for. A thread would share the interpreter's lock with every decision; a process of lower priority shares nothing, and
can be ended.
"""

import asyncio
import signal
import sys
from typing import Final

import msgspec

from api.compiling.shapes import Job, PolicyReading
from api.errors import InvalidBody

CPU_SECONDS_A_TEXT: Final = 5.0
_ANSWER_SECONDS: Final = 20.0
_START_SECONDS: Final = 30.0
_LONGEST_ANSWER_BYTES: Final = 16 * 1024 * 1024


class CompilerLost(RuntimeError):
    """The process ended over a text: a defect of ours, whose trace it left in the log."""


class TooCostly(InvalidBody):
    """The text takes longer to read than anybody may keep the compiler for."""

    def __init__(self) -> None:
        super().__init__(InvalidBody.single("text", "too_costly", "This text takes too long to read.").field_errors)


class PolicyCompiler:
    """Reads one text after another. The process ends with its standard input, and so never outlives the API's."""

    def __init__(self, *, cpu_seconds_a_text: float = CPU_SECONDS_A_TEXT) -> None:
        self._cpu_seconds_a_text = cpu_seconds_a_text
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def read(self, job: Job) -> PolicyReading:
        """The policy that the text or template comes to, or its errors. Raises TooCostly, CompilerLost."""
        async with self._turn:
            process = await self._running()
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await _answer(process, job)
            except TimeoutError as error:
                self._end()
                raise TooCostly from error
            except BaseException:
                # Whoever asks next must not be given the answer to this.
                self._end()
                raise

    async def close(self) -> None:
        """End the process, whatever it is doing, and wait until it has ended."""
        process = self._process
        self._end()
        if process is not None:
            await process.wait()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await self._started()
        return self._process

    async def _started(self) -> asyncio.subprocess.Process:
        started = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "api.compiling.process", str(self._cpu_seconds_a_text)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_ANSWER_BYTES,
        )
        try:
            # Its imports are not the text's fault.
            await asyncio.wait_for(_line(started), _START_SECONDS)
        except BaseException:
            started.kill()
            raise
        return started


async def _answer(process: asyncio.subprocess.Process, job: Job) -> PolicyReading:
    if process.stdin is None:
        raise CompilerLost
    process.stdin.write(msgspec.json.encode(job) + b"\n")
    return msgspec.json.decode(await _line(process), type=PolicyReading)


async def _line(process: asyncio.subprocess.Process) -> bytes:
    line = await process.stdout.readline() if process.stdout else b""
    if not line:
        if await process.wait() == -signal.SIGVTALRM:
            raise TooCostly
        raise CompilerLost("the compiling process ended before it answered")
    return line
