"""`benchmarks/gpu.py` where there is no GPU: what it says, and a trial of all its cells on the processor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


def run(script, *words, backend="torch"):
    return subprocess.run(
        [sys.executable, FOLDER / script, *map(str, words)],
        env=os.environ | {"KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_gpu_nothing_is_measured(tmp_path):
    pytest.importorskip("torch")
    done = run("gpu.py", "--results", tmp_path)
    assert done.returncode == 1 and not any(tmp_path.iterdir())
    assert done.stderr.startswith("No GPU is seen here by PyTorch; nothing was measured.")
    assert len(done.stderr.splitlines()) == 1
    done = run("gpu.py", "--device", "cpu")
    assert done.returncode == 1 and "give another --results" in done.stderr


def test_a_trial_on_the_processor(tmp_path):
    backend, precision = "torch", "float32"  # JAX takes a minute to compile it all
    pytest.importorskip(backend)
    words = ["--device", "cpu", "--sizes", 32, "--networks", "vgg_mini", "--steps", 1]
    done = run("gpu.py", *words, "--precisions", precision, "--results", tmp_path, backend=backend)
    assert done.returncode == 0, done.stderr[-2500:]
    facts = json.loads((tmp_path / "gpu.json").read_text())
    assert facts["machine"]["versions"][backend]
    (about,) = facts["backends"].values()
    assert set(about["peak_gflops"]) == {"float32", "tf32", "bf16"} and min(about["peak_gflops"].values()) > 0
    (step,) = about["steps"]
    assert (step["network"], step["size"], step["precision"]) == ("vgg_mini", 32, precision)
    assert step["gflop"]["step"] > 0 and step["memory_mb"] > 100
    peak = about["peak_gflops"][precision]
    assert step["share_of_peak"] == pytest.approx(step["gflop"]["step"] / step["seconds"] / peak)
    assert [row["steps"] for row in about["runs"]] == [1, 1]
    assert about["batches"][0]["pictures_a_minute"] > 0
    written = run("report.py", "--results", tmp_path, "--output", tmp_path / "results.md")
    assert written.returncode == 0, written.stderr
    text = (tmp_path / "results.md").read_text()
    assert "## On a GPU" in text and f"| vgg_mini | 32 | {precision} |" in text


def test_a_cell_that_fails_is_a_line_of_the_table():
    from runpy import run_path

    report = run_path(str(FOLDER / "report_gpu.py"))
    who = {"network": "vgg19", "size": 4096, "precision": "float32", "failed": "out of memory"}
    about = {"card": "a card", "version": "1", "peak_gflops": {"failed": "out of memory"}}
    about |= {"steps": [who], "runs": [who | {"coarse": True}], "batches": [who]}
    settings = {"content": "astronaut", "run_steps": 500, "size": 512}
    lines = report["section"](
        {"settings": settings, "backends": {"jax": about}}, lambda head, rows: ["|".join(row) for row in rows]
    )
    assert sum("out of memory" in line for line in lines) == 3
