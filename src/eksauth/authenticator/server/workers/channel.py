"""Questions and answers between a supervisor and a worker, both ways over one socket.

A frame is a length of four bytes and a MessagePack array: what it is (question or answer), its number, its subject and
its content.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

import msgspec

_QUESTION, _ANSWER, _FAILURE = 0, 1, 2
_LARGEST = 64 * 1024 * 1024
_SECONDS = 3.0

Answer = Callable[[str, bytes], Awaitable[bytes]]
_Frame = tuple[int, int, str, bytes]
_DECODER = msgspec.msgpack.Decoder(_Frame)
_ENCODER = msgspec.msgpack.Encoder()


class ChannelError(Exception):
    """The other side is gone, does not answer in time, or could not answer."""


class Channel:
    """One end.

    :param answer: answers the other side's questions: subject and content in, content out.
    :ivar ended: set when the other side is gone.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._asked: dict[int, asyncio.Future[bytes]] = {}
        self._number = 0
        self.ended = asyncio.Event()

    async def open(self, end: socket.socket) -> None:
        """Begin to read from and write to ``end``, which belongs to the channel from now on."""
        reader, self._writer = await asyncio.open_unix_connection(sock=end)
        self._reading = asyncio.create_task(self._read(reader), name="channel")

    async def ask(self, subject: str, content: bytes = b"", *, seconds: float = _SECONDS) -> bytes:
        """Return the other side's answer.

        :raises ChannelError: when there is none.
        """
        if self._writer is None or self.ended.is_set():
            raise ChannelError("the other side is gone")
        self._number += 1
        number = self._number
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            self._send((_QUESTION, number, subject, content))
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            raise ChannelError(f"no answer about {subject} in time") from None
        finally:
            del self._asked[number]

    async def close(self) -> None:
        """Hang up."""
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        for task in self._answering:
            task.cancel()
        if self._writer is not None:
            self._writer.close()

    def _send(self, frame: _Frame) -> None:
        body = _ENCODER.encode(frame)
        if self._writer is not None:
            self._writer.write(len(body).to_bytes(4, "big") + body)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                length = int.from_bytes(await reader.readexactly(4), "big")
                if length > _LARGEST:
                    return
                kind, number, subject, content = _DECODER.decode(await reader.readexactly(length))
                if kind == _QUESTION:
                    task = asyncio.create_task(self._reply(number, subject, content))
                    self._answering.add(task)
                    task.add_done_callback(self._answering.discard)
                    continue
                future = self._asked.get(number)
                if future is not None and not future.done():
                    if kind == _ANSWER:
                        future.set_result(content)
                    else:
                        future.set_exception(ChannelError(subject))
        except (asyncio.IncompleteReadError, OSError, msgspec.MsgspecError):
            return
        finally:
            self.ended.set()
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(ChannelError("the other side is gone"))

    async def _reply(self, number: int, subject: str, content: bytes) -> None:
        try:
            answer: _Frame = (_ANSWER, number, "", await self._answer(subject, content))
        except Exception as error:  # noqa: BLE001  whoever asked is told
            answer = (_FAILURE, number, f"{subject}: {type(error).__name__}", b"")
        self._send(answer)
