"""A PostgreSQL of the tests' own: Debian's package, own data folder, a free port on loopback."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path


def find_programs():
    """The folder of `initdb` and `postgres`, or None."""
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if on_path := shutil.which("initdb"):
        folders.append(Path(on_path).parent)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Postgres:
    def __init__(self, programs):
        # Not in pytest's folder, which is root's alone where root runs the tests.
        folder = Path(tempfile.mkdtemp(prefix="impasto-postgres-"))
        self.programs, self.folder, self.databases = programs, folder, 0
        self.user = None
        if os.getuid() == 0:  # it refuses to run as root
            self.user = "postgres"
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run("initdb", "-D", str(folder / "data"), "-A", "trust", "-U", "impasto", "--no-sync")
        self.start()

    def _words(self, program, *words):
        prefix = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"]
        return [*(prefix if self.user else []), str(self.programs / program), *words]

    def _run(self, program, *words):
        subprocess.run(self._words(program, *words), check=True, capture_output=True, cwd="/")

    def start(self):
        words = [
            "-D",
            str(self.folder / "data"),
            "-p",
            str(self.port),
            "-k",
            str(self.folder),
            "-h",
            "127.0.0.1",
            # It stops only when the last half-open connection has ended: those of a client that gave up
            # waiting while it was starting, which psycopg leaves to the garbage collector.
            "-c",
            "authentication_timeout=5s",
        ]
        self.process = subprocess.Popen(
            self._words("postgres", *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )
        import psycopg

        for _ in range(600):
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.1)
        raise AssertionError("PostgreSQL did not start")

    def stop(self):
        self.process.send_signal(signal.SIGINT)  # "fast": connections are ended
        self.process.wait(60)

    def url(self, name):
        return f"postgresql://impasto@127.0.0.1:{self.port}/{name}"

    def fresh(self):
        """The URL of a new database."""
        import psycopg

        self.databases += 1
        name = f"bot{self.databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)
