"""Runs a painting for a command: checks first, then paints, shows, saves, and survives Ctrl-C.

`impasto stylize` and the two drop-ins differ in their words; all three end here.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PictureError, UsageError
from ..recipes import Settings
from .common import tell

if TYPE_CHECKING:
    from ..estimate import Estimate
    from ..images import Picture
    from ..result import Result, Step
    from ..styles import Style


@dataclass
class Job:
    """What a command line asks for.

    Attributes:
        content: the photograph's file; None for a texture.
        styles: gallery names, style files or pictures.
        output: the picture to write.
        settings: how to paint.
        began: when the command began, by `time.perf_counter`.
        blend: a weight for each style.
        masks: a picture for each style, white where it goes.
        device: `cpu`, `gpu`, `gpu:1`, or None for the backend's own choice; or a function that
            returns one of them, which is called once Keras is there.
        save_every: steps between intermediate pictures; 0 for none.
        intermediate: the intermediate picture's file by its step; by default beside the output.
        resumable: whether an interrupted run leaves its state behind.
        resume: go on with such a state.
        plot: picture file for the loss.
        quiet: print nothing but errors and what was asked for.
        as_json, with_history: print a JSON object at the end; with every step's loss.
        on_step: called after each step.
    """

    content: str | None
    styles: Sequence[str]
    output: Path
    settings: Settings
    began: float
    blend: Sequence[float] | None = None
    masks: Sequence[str] | None = None
    device: str | Callable[[], str | None] | None = None
    save_every: int = 0
    intermediate: Callable[[int], Path] | None = None
    resumable: bool = True
    resume: bool = False
    plot: Path | None = None
    quiet: bool = False
    as_json: bool = False
    with_history: bool = False
    on_step: Callable[[Step], None] | None = None
    saved: list[Path] = field(default_factory=list)

    def intermediate_path(self, step: int) -> Path:
        """Where the picture after `step` steps is saved: `out_100.png` for `out.png`."""
        if self.intermediate:
            return self.intermediate(step)
        return self.output.with_name(f"{self.output.stem}_{step}{self.output.suffix}")


def paint(job: Job) -> int:
    """Paints.

    Returns:
        The exit status: 0, or 130 after an interruption.

    Raises:
        ImpastoError: as `stylize`, and where something cannot be written.
    """
    from ..inputs import load_inputs

    check_paths(job)
    content, styles = load_inputs(job.content, job.styles, job.settings)  # before seconds of importing
    return _Painting(job, content, styles).run()


def check_paths(job: Job) -> None:
    """Finds out before the work whether everything can be written.

    Raises:
        UsageError, PictureError: as `check_output`; and if an output would replace an input.
    """
    from ..images import check_output

    outputs = [job.output] + ([job.plot] if job.plot else [])
    for path in outputs:
        check_output(path)
    inputs = [job.content, *job.styles, *(job.masks or ()), job.settings.init, job.settings.weights]
    for path in outputs:
        for source in inputs:
            if source and path.exists() and os.path.exists(source) and os.path.samefile(path, source):
                raise UsageError(f"The output would replace an input; name another file. Received: {path}")
    if job.plot and os.path.realpath(job.plot) == os.path.realpath(job.output):
        raise UsageError(f"The plot would replace the picture; name another file. Received: {job.plot}")


class _Painting:
    """One run of a job."""

    def __init__(self, job: Job, content: Picture | None, styles: list[Style]):
        self.job, self.content, self.styles = job, content, styles
        self.before_first_step = self.to_first_step = math.nan
        self.last = self.planned = 0
        self.identity: dict[str, Any] = {}

    def run(self) -> int:
        from ..interrupted import state_path

        job = self.job
        self.state_path = state_path(job.output)
        state = self._load_state() if job.resume else None

        from ..place import place
        from ..stylize import stylize
        from .bar import ProgressBar
        from .stopping import Stop

        device = job.device() if callable(job.device) else job.device
        with Stop() as self.stop, place(job.settings, device) as self.device:
            self.estimate = self._tell_estimate()
            with ProgressBar(job.quiet, self.device) as self.bar:
                result = stylize(
                    self.content,
                    self.styles,
                    settings=job.settings,
                    blend=job.blend,
                    masks=job.masks,
                    on_progress=self._after_step,
                    resume=state,
                )
        return self._finish(result)

    def _tell_estimate(self) -> Estimate:
        """Says what the painting takes, where that is much or somebody looks on."""
        from ..estimate import estimate

        settings, content = self.job.settings, self.content
        height, width = (content.height, content.width) if content else (settings.size or 512,) * 2
        found = estimate(settings, height, width, content=content is not None, style=bool(self.styles))
        if not self.job.quiet and (found.tiles or (found.seconds and sys.stderr.isatty())):
            tell(str(found))
        return found

    def _load_state(self) -> dict[str, Any]:
        from ..interrupted import load_state

        return load_state(self.state_path, self._identify())

    def _identify(self) -> dict[str, Any]:
        from ..interrupted import fingerprint

        if not self.identity:
            self.identity = fingerprint(self.content, self.styles, self.job.blend, self.job.settings)
        return self.identity

    def _after_step(self, step: Step) -> None:
        if math.isnan(self.to_first_step):
            self.to_first_step = time.perf_counter() - self.job.began
            self.before_first_step = self.to_first_step - step.step_seconds
            self.last = step.step - 1 if self.job.resume else 0
        self.bar.show(step)
        if self.job.on_step:
            self.job.on_step(step)
        every = self.job.save_every
        # L-BFGS counts several evaluations a step, so a multiple may be passed rather than met.
        if every and step.step // every > self.last // every and step.step < step.steps:
            self._save_intermediate(step, step.step // every * every)
        self.last, self.planned = step.step, step.steps
        self.stop.check()

    def _save_intermediate(self, step: Step, number: int) -> None:
        from ..images import save_picture

        try:
            path = self.job.intermediate_path(number)
            save_picture(step.painted(), path)
            self.job.saved.append(path)
            if self.job.resumable:
                self._save_state(step.state())
        except PictureError as error:  # a full disk now may be free at the end: no reason to give up
            tell(f"an intermediate picture is left out: {error}")

    def _save_state(self, state: dict[str, Any]) -> None:
        from ..interrupted import save_state

        save_state(self.state_path, state, self._identify())
        self.job.saved.append(self.state_path)

    def _finish(self, result: Result) -> int:
        from ..images import save_picture

        job = self.job
        notices = [*result.notices, *save_picture(result.picture, job.output)]
        if result.interrupted and job.resumable:
            self._save_state(result.state)
        elif not result.interrupted and (job.resume or self.state_path in job.saved):
            self.state_path.unlink(missing_ok=True)
        if job.plot:
            from ..plots import plot_loss

            plot_loss(result.history, job.plot, f"{job.output.name}: {result.network}, {job.settings.recipe}")
        if not job.quiet:
            for notice in [*notices, *([result.reason] if result.reason else [])]:
                tell(notice)
        facts = self._facts(result, notices)
        if job.as_json:
            print(json.dumps(facts, allow_nan=False))
        elif not job.quiet and not result.interrupted:
            print(_summary(facts))
        if result.interrupted:
            tell(self._how_to_go_on(facts))
            return 130
        return 0

    def _how_to_go_on(self, facts: dict[str, Any]) -> str:
        steps = f"{facts['steps']} of {facts['steps_planned']}"
        text = f"stopped after step {steps}; the picture so far: {facts['output']}"
        if not self.job.resumable:
            return text
        return f"{text}; to go on, give the same command with --resume (state: {self.state_path})"

    def _facts(self, result: Result, notices: list[str]) -> dict[str, Any]:
        from ..host import peak_memory

        job, history = self.job, result.history
        facts = {
            "output": str(job.output),
            "width": result.picture.width,
            "height": result.picture.height,
            "network": result.network,
            "device": self.device,
            "steps": history[-1][0] if history else 0,
            "steps_planned": self.planned,
            "seconds": time.perf_counter() - job.began,
            "seconds_before_first_step": self.before_first_step,
            "seconds_to_first_step_done": self.to_first_step,
            "peak_memory": peak_memory(),
            "estimated_memory": round(self.estimate.memory),
            "tiles": self.estimate.tiles,
            "loss": history[-1][3] if history else None,
            "interrupted": result.interrupted,
            "reason": result.reason,
            "notices": notices,
            "settings": asdict(job.settings),
        }
        if job.with_history:
            facts["history"] = [
                {"step": step, "scale": scale, "seconds": seconds, "loss": _finite(loss)}
                for step, scale, seconds, loss in history
            ]
        return {name: _finite(value) for name, value in facts.items()}


def _finite(value: Any) -> Any:
    """JSON knows neither NaN nor infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _summary(facts: dict[str, Any]) -> str:
    size, memory = f"{facts['width']}×{facts['height']}", facts["peak_memory"]
    words = [f"{size}, {facts['steps']} steps, {facts['seconds']:.1f} s"]
    words += [f"{memory / 1e9:.1f} GB"] if memory else []
    return f"{facts['output']}: {', '.join([*words, facts['network'], facts['device']])}"
