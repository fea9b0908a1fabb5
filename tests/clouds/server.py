"""The server: one loopback port on which all simulated clouds and their control API answer."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.clouds.control import PREFIX, Control
from tests.clouds.credentials import KNOWN, Credential
from tests.clouds.remote import Remote
from tests.clouds.service import Service
from tests.clouds.wire import Connection, Reply, Request
from tests.clouds.world import World

HOST = "127.0.0.1"
DEFAULT_IMAGES = 400


def _answerer(service: Service) -> Callable[[Request], Reply]:
    control = Control(service)

    def answer(request: Request) -> Reply:
        if request.path.startswith(PREFIX):
            return control.answer(request)
        if request.path == "/_elsewhere":  # Where a redirect without a target of its own leads.
            return Reply(body=b"{}")
        return service.answer(request)

    return answer


class Door:
    """The port, and who came in. Shut, it is held all the same, so that nobody else gets it: connecting is refused."""

    def __init__(self, service: Service, port: int) -> None:
        self.port, self._answer = port, _answerer(service)
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._shut: socket.socket | None = None

    async def open(self) -> None:
        if self._shut is not None:
            self._shut.close()
            self._shut = None
        make = partial(Connection, self._answer, self._connections, self.shut)
        self._server = await asyncio.get_running_loop().create_server(make, HOST, self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Those who are in stay."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._shut = socket.socket()
            self._shut.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._shut.bind((HOST, self.port))

    def close(self) -> None:
        self.shut()
        if self._shut is not None:
            self._shut.close()
        self.hang_up()

    def hang_up(self) -> None:
        """On all who are in, in the middle of an answer too."""
        for connection in list(self._connections):
            connection.transport.abort()


async def serve(door: Door, ready: Callable[[int], None], stop: asyncio.Event) -> None:
    """Serve on loopback until `stop` is set; `ready` is called with the port once it listens. Stops at once."""
    await door.open()
    try:
        ready(door.port)
        await stop.wait()
    finally:
        door.close()


class Simulator(Remote):
    """The clouds in a thread of this process, on a free port: `with Simulator(images=200, seed=1) as cloud: cloud.url`.

    `images` per listing, `seed` of what they are, `credentials` known beside the defaults, `state` as in World,
    `latency` in seconds before every answer.
    """

    def __init__(
        self,
        images: int = DEFAULT_IMAGES,
        seed: int = 1,
        *,
        port: int = 0,
        credentials: Iterable[Credential] = (),
        state: Path | None = None,
        latency: float = 0.0,
    ) -> None:
        super().__init__("")
        self.service = Service(World(images, seed, state), (*KNOWN, *credentials), latency)
        self._door, self._stop = Door(self.service, port), asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulated clouds", daemon=True)
        self._failure: OSError | None = None

    def start(self) -> Self:
        """Listen; OSError if the port is taken."""
        self._thread.start()
        self._listening.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # The loop may just have ended.
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)

    def listen(self) -> None:
        """Take connections again after a fault that refused them."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self._door.open(), self._loop).result(10)

    def hang_up(self) -> None:
        """Cut every connection: whoever waits for a slow answer asks again."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._door.hang_up)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as failure:
            self._failure = failure
        finally:
            self._listening.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await serve(self._door, self._ready, self._stop)

    def _ready(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self._listening.set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def run(service: Service, port: int, ready: Callable[[str], None]) -> None:
    """Serve in this process until SIGTERM or SIGINT, also where SIGINT came in ignored; `ready` gets the URL."""

    async def main() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await serve(Door(service, port), lambda bound: ready(f"http://{HOST}:{bound}"), stop)

    asyncio.run(main())
