"""`impasto batch` with two real worker processes on this machine, one of them killed as it paints."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from impasto.core.batch import MANIFEST
from impasto.core.images import Picture, load_picture, save_picture

distributed = pytest.importorskip("distributed")

FAST = ("--method", "optimise", "--size", 32, "--steps", 25, "--network", "vgg_mini")


@pytest.fixture
def scheduler(mini_weights):
    """A scheduler's address, and two workers that joined it, killed in the end."""
    quiet = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    command += ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show"]
    processes = [subprocess.Popen(command, env=quiet, stderr=subprocess.PIPE, text=True)]
    address = None
    for line in processes[0].stderr:
        if "Scheduler at:" in line:
            address = line.split("Scheduler at:")[1].strip()
            break
    threading.Thread(target=processes[0].stderr.read, daemon=True).start()
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1"]
    command += ["--memory-limit", "0", "--no-dashboard"]
    for _ in range(2):
        processes.append(
            subprocess.Popen(command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
    try:
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=240)
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def kill_one_as_it_paints(address, workers, folder):
    """Once a picture is there, kills a worker that is painting another."""
    with distributed.Client(address) as client:
        pids = client.run(os.getpid)
        while not any(name.endswith(".png") for name in os.listdir(folder)):
            time.sleep(0.02)
        while True:
            for worker, tasks in client.processing().items():
                if tasks:
                    os.kill(pids[worker], signal.SIGKILL)
                    return
            time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX's")
def test_nothing_is_lost_when_a_worker_is_killed(impasto, bundled, pictures, blobs, scheduler, capsys):
    address, workers = scheduler
    photos, painted = impasto.folder / "photos", impasto.folder / "painted"
    photos.mkdir()
    painted.mkdir()
    names = [f"photo{number}" for number in range(6)]
    for number, name in enumerate(names):
        save_picture(Picture(blobs(32, 40, seed=number)), photos / f"{name}.png")
    (photos / "photo9.png").write_bytes(b"no picture")
    killer = threading.Thread(target=kill_one_as_it_paints, args=(address, workers, painted))
    killer.start()
    words = (photos, "--style", pictures / "dots.png", "-o", painted, "--weights", bundled, *FAST)
    status = impasto("batch", *words, "--scheduler", address, "--json")
    killer.join(timeout=60)
    output = capsys.readouterr()
    assert status == 1, output.err
    assert sorted(worker.poll() is None for worker in workers) == [False, True]  # one was killed indeed

    lines = [json.loads(line) for line in output.out.splitlines()]
    done = sorted(line["output"] for line in lines if line["status"] == "painted")
    assert done == [str(painted / f"{name}_dots.png") for name in names]  # each once
    assert [line["content"] for line in lines if line["status"] == "failed"] == [str(photos / "photo9.png")]
    assert sorted(os.listdir(painted)) == sorted([*(f"{name}_dots.png" for name in names), MANIFEST])
    entries = [json.loads(line)["output"] for line in (painted / MANIFEST).read_text().splitlines()]
    assert sorted(entries) == [f"{name}_dots.png" for name in names]

    last = photos / "photo5.png"
    alone = ("stylize", last, pictures / "dots.png", "-o", "alone.png", "--weights", bundled, *FAST)
    assert impasto(*alone) == 0
    difference = load_picture("alone.png").pixels - load_picture(painted / "photo5_dots.png").pixels
    assert np.abs(difference).max() <= 2 / 255  # threads share a sum out otherwise than in this process

    os.unlink(painted / "photo2_dots.png")
    os.unlink(photos / "photo9.png")
    capsys.readouterr()
    assert impasto("batch", *words, "--scheduler", address, "--resume", "--json") == 0
    statuses = [json.loads(line)["status"] for line in capsys.readouterr().out.splitlines()]
    assert sorted(statuses) == ["painted"] + ["passed over"] * 5


def test_nobody_answers(impasto, bundled, pictures, capsys, monkeypatch):
    import impasto.core.fleet as fleet

    client = distributed.Client
    monkeypatch.setattr(fleet._distributed(), "Client", lambda address, timeout: client(address, timeout=0.5))
    words = (pictures / "photo.png", "--style", "udnie", "-o", "painted")
    assert impasto("batch", *words, "--scheduler", "tcp://127.0.0.1:9") == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert "No Dask scheduler answers" in error[-1]
