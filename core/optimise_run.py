"""One painting, coarse to fine, by an optimiser.

As crowsonkb/style-transfer-pytorch and Gatys et al. 2017 (arXiv:1611.07865): the picture is painted
small first, where a step is cheap and a brush stroke covers much of it, then enlarged and painted on.
Without a photograph the result is a texture; without a style, what the network's features keep of the
photograph.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import numpy as np

from . import allocator
from .adam import Adam
from .assemble import Workbench, make_optimizer, workbench
from .backend import Tree, describe_device, free_memory, repeatable_arithmetic, to_numpy
from .colours import match_colours
from .errors import Cancelled, NotEnoughMemory, UsageError
from .failures import out_of_memory
from .finishing import finished
from .images import Picture, load_picture
from .instant import OnTile
from .large_adam import LargeAdam
from .lbfgs import LBFGS
from .objective import Objective
from .optimizers import Optimizer, resize
from .progress import Clock, Parts
from .recipes import Settings
from .result import Result, Step
from .room import KEEP, MARGIN, Room
from .scales import scales_for, size_at
from .starting import MEAN_COLOUR, noise, palette
from .styles import Style
from .tiles import TiledObjective


class OptimiseRun:
    """One painting, coarse to fine."""

    def __init__(
        self, content: Picture | None, styles: list[Style], weights: list[float], settings: Settings
    ):
        self.content, self.styles, self.weights, self.settings = content, styles, weights, settings
        repeatable_arithmetic()
        self.device = describe_device()
        self.bench: Workbench = workbench(settings, content=content is not None, style=bool(styles))
        height, width = (content.height, content.width) if content else (settings.size or 512,) * 2
        self.height, self.width = height, width
        self.scales = scales_for(settings, height, width)
        self.budgets = settings.steps_per_scale(len(self.scales))
        self.notices = list(content.notices if content else ()) + [
            n for s in styles for n in s.picture.notices
        ]
        if self.bench.notice:
            self.notices.append(self.bench.notice)
        self.style_pixels = [self._recoloured(style) for style in styles]
        self.manner = _digest(self.style_pixels, [[style.span for style in styles], weights])
        self.room = Room(self.bench, settings)
        # Refuses what does not fit, before any work.
        self.room.choose_ways([self.size(scale) for scale in self.scales], self.budgets)

    def _recoloured(self, style: Style) -> np.ndarray:
        pixels = style.picture.pixels
        if self.settings.colours == "match" and self.content is not None:
            return match_colours(pixels, self.content.pixels)
        return pixels

    def size(self, scale: int) -> tuple[int, int]:
        """(height, width) at a scale."""
        return size_at(scale, self.height, self.width)

    def _aim(self, scale: int) -> None:
        """Divides the picture as its size asks, and sets the objective's targets."""
        size = self.size(scale)
        self.plan = self.room.plan(size)
        allocator.give_back()  # targets are arrays of other sizes than a step's
        self.objective: Objective | TiledObjective
        if not self.plan.divided:
            self.objective = self.bench.objective_in(self.room.ways[size])
        else:
            self.objective = self.bench.tiled
            self.bench.tiled.arrange(self.plan)
        targets: dict[str, Tree] = {}
        if self.styles:  # first: an enlarged style's picture is gone before the content's maps are there
            sized = self.size(scale) if self.settings.squash_style else scale * self.settings.style_scale
            targets |= self.bench.kept_style_targets((self.manner, sized), lambda: self._style_targets(scale))
        if self.content is not None:
            targets |= self.bench.content_targets(_resized(self.content.pixels, size), self.plan)
        self.objective.targets = targets
        if self.plan.keeps:
            allocator.keep((KEEP if self.plan.divided else MARGIN) * self.room.limit)
        elif not self.plan.divided:
            allocator.as_usual()

    def _style_targets(self, scale: int) -> dict[str, Tree]:
        pictures = [self._style_at(i, scale) for i in range(len(self.styles))]
        beside = 0.0
        if self.plan.divided:
            beside = self.room.arrays(self.size(scale), self.plan) + sum(one.nbytes for one in pictures)
        plans = [self.room.style_plan(picture.shape[:2], beside) for picture in pictures]
        return self.bench.style_targets(pictures, self.weights, plans)

    def _step(self, optimizer: Optimizer, scale: int) -> float:
        """A step; where memory runs out, the same step in smaller tiles."""
        while True:
            try:
                loss = optimizer.step(self.objective)
                allocator.tidy()
                return loss
            except Exception as error:
                if not out_of_memory(error) or not self.room.shrink(self.size(scale), self.plan):
                    raise
                self.notices.append(f"Memory ran out at {scale} pixels; the picture was divided further.")
            free_memory()
            self._aim(scale)

    def _style_at(self, index: int, scale: int) -> np.ndarray:
        if self.settings.squash_style:
            return _resized(self.style_pixels[index], self.size(scale))
        return self.styles[index].at(scale * self.settings.style_scale, self.style_pixels[index])

    def _start(self) -> np.ndarray:
        """The picture to start from, at the first scale."""
        size = self.size(self.scales[0])
        init = self.settings.init
        if init == "noise" or (init == "content" and self.content is None):
            return noise(self.settings, *size)
        if init == "content" and self.content is not None:
            if self.settings.method == "refine":
                return self._primed(self._instant(Picture(_resized(self.content.pixels, size))))
            return _resized(self._primed(self.content.pixels), size)
        return _resized(load_picture(init).pixels, size)

    def _primed(self, pixels: np.ndarray) -> np.ndarray:
        """A picture, recoloured towards the styles' palette as far as `strength` goes.

        Our own: the losses take many steps to carry a sky from white to blue, a linear map takes none.
        """
        settings = self.settings
        if not (settings.prime_colours and self.styles and settings.colours == "style"):
            return pixels
        recoloured = match_colours(pixels, palette(self.style_pixels, self.weights))
        recoloured -= pixels  # in place: a print's copies are gigabytes
        recoloured *= settings.strength
        recoloured += pixels
        return recoloured

    def paint(self, on_progress: Callable[[Step], None], resume: dict[str, np.ndarray] | None) -> Result:
        """Paints to the end, or until `on_progress` raises; arguments as `stylize`'s."""
        try:
            return self._paint(on_progress, resume)
        finally:
            allocator.as_usual()

    def _paint(self, on_progress: Callable[[Step], None], resume: dict[str, np.ndarray] | None) -> Result:
        index, spent = self._place(resume) if resume else (0, 0)
        optimizer = self._optimizer(self.scales[index] if index < len(self.scales) else None, resume)
        history: list[tuple[int, int, float, float]] = []
        clock, done = self._clock(), sum(self.budgets[:index]) + spent
        reason, interrupted, loss = "", False, math.nan
        first = True
        while index < len(self.scales) and not interrupted:
            scale = self.scales[index]
            start = None
            if not first and self.settings.method == "refine" and scale == self.scales[-1]:
                state = partial(self._state, optimizer, index - 1, self.budgets[index - 1])
                event = self._event(optimizer, clock, done, self.scales[index - 1], loss, state)
                try:
                    start = self._led_on(optimizer, lambda *_, event=event: on_progress(event))
                except (Cancelled, KeyboardInterrupt):
                    index, spent, interrupted = index - 1, self.budgets[index - 1], True
                    break
            self._aim(scale)
            if self.plan.divided and isinstance(optimizer, Adam):
                optimizer = LargeAdam(optimizer, self.plan.picture_on_disk, spent=True)
                free_memory()
            if not first:
                if self._outgrown(optimizer):
                    optimizer = self._on_host(optimizer)
                optimizer.rescale(self.size(scale), start)
            first = False
            while spent < self.budgets[index] and not interrupted:
                if self._outgrown(optimizer):  # the plan of a resumed run, or since memory ran out
                    optimizer = self._on_host(optimizer)
                before = optimizer.evaluations
                loss = self._step(optimizer, scale)
                used = max(optimizer.evaluations - before, 1)
                spent, done = spent + used, min(done + used, sum(self.budgets[: index + 1]))
                clock.tick(done, used)
                history.append((done, scale, clock.seconds, loss))
                if optimizer.reason is None and self.settings.stop_eps:
                    change = optimizer.relative_change(MEAN_COLOUR)
                    if change < self.settings.stop_eps:
                        optimizer.reason = (
                            f"A step changed the picture by less than {self.settings.stop_eps:g} of it."
                        )
                if optimizer.reason:
                    reason = f"At {scale} pixels, step {done}: {optimizer.reason}"
                    spent = self.budgets[index]  # so that a resumed run goes on at the next scale
                state = partial(self._state, optimizer, index, spent)
                try:
                    on_progress(self._event(optimizer, clock, done, scale, loss, state))
                except (Cancelled, KeyboardInterrupt):
                    interrupted = True
            if not interrupted:
                done, index, spent = sum(self.budgets[: index + 1]), index + 1, 0
        if "tiled" in vars(self.bench):
            self.bench.tiled.let_go()
            free_memory()
        allocator.as_usual()  # here and not only at the end: the finished picture's arrays come now
        return Result(
            self._finished(to_numpy(optimizer.result)),
            history,
            self.bench.extractor.name,
            self.settings,
            reason,
            interrupted,
            self._state(optimizer, index, spent) if interrupted else {},
            tuple(dict.fromkeys(self.notices)),
        )

    def _instant(self, content: Picture, **options: Any) -> np.ndarray:
        """What passes of the network make of the photograph; options as `instant_pixels`'s."""
        from .instant_run import instant_pixels

        return instant_pixels(content, self.styles, self.weights, self.settings, **options)

    def _led_on(self, optimizer: Optimizer, on_tile: OnTile) -> np.ndarray | None:
        """Where a refinement goes on at the full size; None where memory allows no pass there.

        Our own (docs/instant.md): the optimiser is good at large strokes, which are cheap while the picture
        is small; the network at fine ones, whose steps are dear. So a pass of it takes the place of the
        scales between half and the full size.
        """
        assert self.content is not None
        painted = to_numpy(optimizer.result)[0].astype("float32", copy=False)
        allocator.as_usual()
        begun = _resized(self.content.pixels, painted.shape[:2]), painted
        try:
            return self._instant(self.content, begun=begun, on_tile=on_tile)[None]
        except NotEnoughMemory as error:
            self.notices.append(
                f"The picture was enlarged without a pass of the network; optimise may suit better. {error}"
            )
            return None

    def _clock(self) -> Clock:
        sizes = [self.size(scale) for scale in self.scales]
        return Clock(
            [h * w for (h, w), budget in zip(sizes, self.budgets, strict=True) for _ in range(budget)]
        )

    def _event(
        self,
        optimizer: Optimizer,
        clock: Clock,
        done: int,
        scale: int,
        loss: float,
        state: Callable[[], dict[str, np.ndarray]],
    ) -> Step:
        def painted() -> Picture:
            return self._finished(to_numpy(optimizer.result))

        return Step(
            step=done,
            steps=sum(self.budgets),
            scale=scale,
            scales=self.scales,
            loss=loss,
            parts=Parts(optimizer.parts),
            seconds=clock.seconds,
            step_seconds=clock.step_seconds,
            seconds_left=clock.seconds_left(done),
            device=self.device,
            picture=lambda: painted().pixels,
            painted=painted,
            state=state,
        )

    def _finished(self, image: np.ndarray) -> Picture:
        """The picture as it is shown and saved: at full size, denoised, with its colours and alpha."""
        size = (self.height, self.width)
        pixels = (image if image.shape[1:3] == size else np.clip(resize(image, size), 0, 1))[0]
        return finished(pixels.astype("float32", copy=False), self.content, self.settings)

    def _state(self, optimizer: Optimizer, index: int, spent: int) -> dict[str, np.ndarray]:
        place = np.array([index, spent, self.height, self.width, *self.scales, *self.budgets])
        return optimizer.state() | {"place": place}

    def _optimizer(self, scale: int | None, state: dict[str, np.ndarray] | None) -> Optimizer:
        """The optimiser at the picture to start from, or in a saved state.

        Where that is in tiles already, no array of the picture's size is made on the device.
        """
        plan = self.room.plan(self.size(scale)) if scale else None
        divided = plan is not None and plan.divided
        if state:  # `auto` may have painted where memory was another
            divided = str(state["optimizer"]) == "Adam"
        settings = replace(self.settings, optimizer=self.settings.optimizer_for(divided))
        if plan is None or not plan.divided or settings.optimizer != "adam":
            optimizer = make_optimizer(settings, np.zeros((1, 1, 3)) if state else self._start())
        else:
            optimizer = LargeAdam(self._stub(), plan.picture_on_disk)
            if not state:
                start = self._start()
                optimizer.rescale(start.shape[:2], start[None].astype("float32", copy=False))
        if state:
            optimizer.load_state(state)
        return optimizer

    def _stub(self) -> Adam:
        """Adam by these settings, of a picture that holds no memory to speak of."""
        return cast(Adam, make_optimizer(replace(self.settings, optimizer="adam"), np.zeros((1, 1, 3))))

    def _outgrown(self, optimizer: Optimizer) -> bool:
        """Whether the picture is in tiles, and what `auto` took for whole ones would hold too much."""
        wanted = self.settings.optimizer_for(self.plan.divided)
        return wanted == "adam" and isinstance(optimizer, LBFGS)

    def _on_host(self, optimizer: Optimizer) -> LargeAdam:
        """Adam, with its arrays on the host, where another optimiser is."""
        image = to_numpy(optimizer.result)
        large = LargeAdam(self._stub(), self.plan.picture_on_disk)
        large.rescale(image.shape[1:3], image)
        large.evaluations = optimizer.evaluations
        return large

    def _place(self, state: dict[str, np.ndarray]) -> tuple[int, int]:
        """Which scale a saved state is of, and how many steps were taken there."""
        place = [int(value) for value in state["place"]]
        if place[2:] != [self.height, self.width, *self.scales, *self.budgets]:
            raise UsageError(
                "The interrupted run had another size or other steps; give the same content and "
                "settings, or start anew without resuming. "
                f"Received: {self.width}×{self.height}, steps {self.settings.steps}"
            )
        return place[0], place[1]


def _digest(pictures: list[np.ndarray], facts: Any) -> str:
    digest = hashlib.sha256(repr([facts, [picture.shape for picture in pictures]]).encode())
    for picture in pictures:
        digest.update(np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(height, width, 3) at another size, whatever its shape."""
    if pixels.shape[:2] == size:
        return pixels
    return np.clip(resize(pixels[None], size), 0, 1)[0]
