"""How much does a classroom need? Start a JupyterHub for twenty learners on this computer, and run notebooks in each.

    python hub/twenty_learners.py [--learners N] [--at-once N] [NOTEBOOK ...]

Without names it runs metadata and faces. It needs the lesson's environment with `pip install "jupyterhub==6.*"` and the
program configurable-http-proxy (`npm install --global configurable-http-proxy`), and uses the loopback alone. It
prints time and memory for each learner, and ends itself: after the last learner, or after an hour. Exit code: 0 where
each learner came to the end of each notebook, and else 1.
"""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nbformat
import psutil
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS = 3600
CONFIG = """
c.JupyterHub.bind_url = "{url}"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = "{homes}/{{username}}"
c.Spawner.cmd = ["{python}", "-m", "jupyterhub.singleuser", "--allow-root"]
# Twenty servers and kernels that look for free ports at the same time get in each other's way: give each server its
# own, from below those that the system gives away, and let kernels speak through files.
c.Spawner.args = ["--KernelManager.transport=ipc"]
c.Spawner.pre_spawn_hook = lambda spawner: setattr(spawner, "port", 21000 + int(spawner.user.name[-3:]))
c.Spawner.environment = {{
    "PYTHONPATH": "{path}",
    "JUPYTER_RUNTIME_DIR": lambda spawner: "{homes}/" + spawner.user.name,  # the path of such a file must be short
}}
c.Spawner.start_timeout = c.Spawner.http_timeout = 600
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.cleanup_servers = True
c.JupyterHub.services = [{{"name": "classroom", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [
    {{"name": "classroom", "services": ["classroom"], "scopes": ["admin:users", "admin:servers", "access:servers"]}}
]
"""


class Hub:
    """A running hub: its address, and the requests that go to it."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.headers = {"Authorization": f"token {token}"}

    async def ask(self, method: str, path: str, body: dict | None = None) -> dict:
        """Send a request and return the answer; raise HTTPClientError where the hub or a server says no."""
        content = json.dumps(body) if body is not None else "" if method == "POST" else None
        request = HTTPRequest(
            self.url + path, method, self.headers, content, request_timeout=600, allow_nonstandard_methods=True
        )
        answer = await AsyncHTTPClient().fetch(request)
        return json.loads(answer.body) if answer.body else {}

    async def start(self, name: str) -> None:
        """Start a learner's server, and wait until it is there."""
        await self.ask("POST", f"/hub/api/users/{name}")
        await self.ask("POST", f"/hub/api/users/{name}/server")
        while server := (await self.ask("GET", f"/hub/api/users/{name}"))["servers"].get(""):
            if server["ready"]:
                return
            await asyncio.sleep(1)
        raise RuntimeError("the server did not start within ten minutes")

    async def run(self, name: str, notebook: str) -> None:
        """Run a notebook in a learner's server; raise RuntimeError at the first cell that fails."""
        path = f"/user/{name}/api/kernels"
        kernel = await self.ask("POST", path, {"name": "python3", "path": "notebooks"})
        address = f"{self.url.replace('http', 'ws', 1)}{path}/{kernel['id']}/channels"
        channels = await websocket_connect(HTTPRequest(address, headers=self.headers), max_message_size=2**28)
        cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
        for number, cell in enumerate(cells):
            if cell.cell_type == "code":
                reply = await execute(channels, cell.source)
                if reply["status"] != "ok":
                    raise RuntimeError(f"{notebook}, cell {number}: {reply.get('ename')}: {reply.get('evalue')}")
        channels.close()
        await self.ask("DELETE", f"{path}/{kernel['id']}")


async def execute(channels: WebSocketClientConnection, source: str) -> dict:
    """Let a kernel run a cell, and return its reply."""
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
    header |= {"session": "", "username": ""}
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await channels.write_message(json.dumps(message))
    while (received := await channels.read_message()) is not None:
        if isinstance(received, bytes):
            continue  # pictures of widgets
        answer = json.loads(received)
        if answer["msg_type"] == "execute_reply" and answer["parent_header"].get("msg_id") == header["msg_id"]:
            return answer["content"]
    raise RuntimeError("the kernel has gone")


@asynccontextmanager
async def running_hub(folder: Path, learners: list[str]) -> AsyncIterator[tuple[Hub, int]]:
    """Start a hub with a home for each learner; end it with all that it started."""
    for name in learners:
        home = folder / "homes" / name
        (home / "notebooks").mkdir(parents=True)
        for part in ("data", "episodes"):
            (home / part).symlink_to(ROOT / part)
    port, hub_port, api_port = free_ports(3)
    url, token = f"http://127.0.0.1:{port}", secrets.token_hex(16)
    config = CONFIG.format(
        url=url, hub_port=hub_port, api_port=api_port, homes=(folder / "homes").as_posix(), token=token,
        python=Path(sys.executable).as_posix(), path=os.environ.get("PYTHONPATH", ""),
    )  # fmt: skip
    (folder / "jupyterhub_config.py").write_text(config, encoding="utf-8")
    log = (folder / "log.txt").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterhub"], cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    )
    hub = Hub(url, token)
    try:
        for _ in range(120):
            with suppress(OSError, HTTPClientError):
                await hub.ask("GET", "/hub/api/")
                break
            if process.poll() is not None:
                break
            await asyncio.sleep(1)
        else:
            process.kill()
        if process.poll() is not None:
            sys.exit("The hub did not start:\n" + (folder / "log.txt").read_text()[-3000:])
        yield hub, process.pid
    finally:
        children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.send_signal(signal.SIGTERM)
        psutil.wait_procs([*children], timeout=60)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        process.wait(30)
        log.close()


def free_ports(count: int) -> list[int]:
    """Return ports that nobody uses."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


async def watch(pid: int, most: dict[str, float]) -> None:
    """Note every two seconds how many megabytes each learner's server and kernels have, shared ones by their share."""
    while True:
        now: dict[str, float] = defaultdict(float)
        for process in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                name = process.environ().get("JUPYTERHUB_USER", "hub and proxy")
                now[name] += process.memory_full_info().pss / 1e6
        with suppress(psutil.Error):
            now["hub and proxy"] += psutil.Process(pid).memory_full_info().pss / 1e6
        now["all together"] = sum(now.values())
        for name, megabytes in now.items():
            most[name] = max(most.get(name, 0.0), megabytes)
        await asyncio.sleep(2)


async def learn(hub: Hub, name: str, notebooks: list[str], seconds: dict[str, list[float]]) -> str | None:
    """Do what a learner does, and return what went wrong."""
    try:
        before = time.monotonic()
        await hub.start(name)
        seconds["start"].append(time.monotonic() - before)
        for notebook in notebooks:
            before = time.monotonic()
            await hub.run(name, notebook)
            seconds[notebook].append(time.monotonic() - before)
        await hub.ask("DELETE", f"/hub/api/users/{name}/server")
    except (OSError, HTTPClientError, RuntimeError) as error:
        return f"{name}: {error}"
    return None


async def classroom(learners: list[str], at_once: int, notebooks: list[str]) -> int:
    """Run everything, print what it took, and return the exit code."""
    most: dict[str, float] = {}
    seconds: dict[str, list[float]] = defaultdict(list)
    places = asyncio.Semaphore(at_once)

    async def sit_down(hub: Hub, name: str) -> str | None:
        async with places:
            return await learn(hub, name, notebooks, seconds)

    with tempfile.TemporaryDirectory() as folder:
        async with running_hub(Path(folder), learners) as (hub, pid):
            before = time.monotonic()
            watcher = asyncio.create_task(watch(pid, most))
            failures = [each for each in await asyncio.gather(*(sit_down(hub, name) for name in learners)) if each]
            watcher.cancel()
            whole = time.monotonic() - before
    print(f"{len(learners)} learners, {at_once} at a time, {len(failures)} failed, {whole:.0f} s in all")
    for what, times in seconds.items():
        print(f"{what:16} {statistics.median(times):6.0f} s usually, {max(times):6.0f} s at most")
    memory = [most[name] for name in learners if name in most]
    print(f"memory of a learner: {statistics.median(memory):.0f} MB usually, {max(memory):.0f} MB at most")
    for name in ("hub and proxy", "all together"):
        print(f"memory of {name}: {most[name]:.0f} MB at most")
    for failure in failures:
        print(failure)
    return 1 if failures else 0


async def bounded(work: Coroutine[None, None, int]) -> int:
    """Do the work, but end it, with the hub, after an hour or when the system asks for it."""
    with suppress(NotImplementedError):  # Windows, which has no such signal
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    return await asyncio.wait_for(work, MOST_SECONDS)


def main(arguments: list[str]) -> int:
    """Run the command; return 0, or 1 where a learner did not come to the end."""
    parser = argparse.ArgumentParser(description="Run notebooks for many learners in a JupyterHub on this computer.")
    parser.add_argument("notebooks", nargs="*", default=["metadata", "faces"], help="names without .ipynb")
    parser.add_argument("--learners", type=int, default=20)
    parser.add_argument("--at-once", type=int, help="how many may work at the same time; left out: all of them")
    options = parser.parse_args(arguments)
    if shutil.which("configurable-http-proxy") is None:
        sys.exit("The proxy is missing: install Node.js, then run `npm install --global configurable-http-proxy`.")
    AsyncHTTPClient.configure(None, max_clients=1000)
    names = [f"learner{number:03}" for number in range(1, options.learners + 1)]
    return asyncio.run(bounded(classroom(names, options.at_once or options.learners, options.notebooks)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
