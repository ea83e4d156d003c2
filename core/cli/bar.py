"""The progress bar: scale, step, loss, time a step, time left, device."""

from __future__ import annotations

import sys
from typing import Any

from ..progress import Progress


class ProgressBar:
    """A bar on stderr from the first step on; silent where stderr is no terminal.

    Args:
        quiet: silent everywhere.
        device: where the work runs, in words; by default what the events say.
    """

    def __init__(self, quiet: bool = False, device: str = ""):
        self.quiet, self.device = quiet, device
        self.bar: Any = None

    def __enter__(self) -> ProgressBar:
        return self

    def show(self, event: Progress) -> None:
        """Shows a step."""
        if self.quiet:
            return
        first = self.bar is None
        if first:
            self.bar = self._made(event.steps)
        if self.bar.disable:
            return
        # Text first: `update` draws, and draws only where enough time has passed.
        self.bar.set_postfix_str(self.text(event), refresh=False)
        self.bar.update(event.step - self.bar.n)
        if first:
            self.bar.refresh()  # at once: the next step may be seconds away

    def text(self, event: Progress) -> str:
        """What stands behind the bar."""
        from tqdm import tqdm

        number = event.scales.index(event.scale) + 1 if event.scale in event.scales else 0
        left = event.seconds_left
        return ", ".join(
            [
                f"{event.scale} px ({number}/{len(event.scales)})",
                f"loss {event.loss:.4g}",
                f"{event.step_seconds:.2f} s/step",
                f"{tqdm.format_interval(left) if left == left else '?'} left",
                self.device or event.device,
            ]
        )

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    @staticmethod
    def _made(steps: int) -> Any:
        from tqdm import tqdm

        return tqdm(
            total=steps,
            file=sys.stderr,
            disable=None,  # tqdm's word for "where it is no terminal"
            leave=False,
            dynamic_ncols=True,
            bar_format="{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}",
        )
