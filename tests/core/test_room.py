"""What is reckoned before the work, plans and estimates; memory that runs out all the same."""

import json
from dataclasses import replace

import numpy as np
import pytest

from impasto.core import assemble, backend, tile_plan
from impasto.core import room as module
from impasto.core.adam import Adam
from impasto.core.assemble import workbench
from impasto.core.errors import NotEnoughMemory, UsageError
from impasto.core.estimate import estimate
from impasto.core.failures import kind_of
from impasto.core.finishing import finished
from impasto.core.objective import Objective
from impasto.core.recipes import parse_memory
from impasto.core.room import MARGIN, Room
from impasto.core.stylize import stylize
from impasto.core.ways import COMPILER


@pytest.fixture
def rooms(small, monkeypatch):
    """Makes a `Room` with so many bytes beside what the process holds, whatever that is."""
    monkeypatch.setattr(tile_plan, "LEAST_WINDOW", 24)
    monkeypatch.setattr(module, "plain_tensorflow", lambda: True)  # as on a processor without AVX-512

    def make(free, **changes):
        settings = small(**changes)
        room = Room(workbench(settings, content=True, style=True), settings)
        room.limit = room.held / module.MARGIN + free
        return room

    return make


def test_the_memory_asked_for():
    assert parse_memory("auto") is None
    assert parse_memory("4GB") == 4e9 and parse_memory("800 mb") == 8e8 and parse_memory("2000000000") == 2e9
    assert parse_memory("1.5GiB") == 1.5 * 2**30
    for wrong in ("", "4 Gigs", "-1GB", "99MB", "nan", "GB"):
        with pytest.raises(UsageError, match=r"memory is auto, or .*Received: "):
            parse_memory(wrong)


def test_plans_fit_and_take_more_work_in_less_memory(rooms):
    size, plans = (1000, 700), []
    for free in (4e9, 8e8, 5e8, 2.5e8):
        room = rooms(free)
        plan = room.plan(size)
        assert room.memory(size, plan) <= room.limit
        plans.append(plan)
    assert not plans[0].divided and plans[0].work == min(plan.work for plan in plans)
    assert all(plan.divided for plan in plans[1:])
    assert [plan.work for plan in plans] == sorted(plan.work for plan in plans)
    assert plans[0].memory > plans[1].memory > plans[3].memory


def test_memory_is_kept_where_there_is_enough(rooms, monkeypatch):
    """Where TensorFlow's allocator does not do so for oneDNN; in tiles, whose arrays are small, always."""
    size, room = (1024, 1024), rooms(4e9)
    kept = room.plan(size)
    assert kept.keeps and not kept.divided
    needed, unkept = room.memory(size, kept), tile_plan.PLAIN / module.KEEPING[1] * kept.memory
    room.limit = (needed - 1e6) / MARGIN
    little_more = room.plan(size)  # than to give memory back costs
    assert little_more.divided and little_more.keeps
    assert kept.work < little_more.work < module.UNKEPT * kept.work
    with monkeypatch.context() as patch:
        patch.setattr(module, "UNKEPT", 1.0)
        plain = room.plan(size)
    assert not plain.keeps and not plain.divided and plain.memory == pytest.approx(unkept)
    room.limit = (needed - kept.memory + unkept - 1e6) / MARGIN
    tiles = room.plan(size)
    assert tiles.divided and tiles.keeps and room.memory(size, tiles) < needed - kept.memory + unkept
    with monkeypatch.context() as patch:
        patch.setattr(module, "can_keep", lambda: False)
        assert rooms(4e9).plan(size) == plain
    monkeypatch.setattr(module, "plain_tensorflow", lambda: False)
    assert rooms(4e9).plan(size) == replace(plain, memory=pytest.approx(unkept / tile_plan.PLAIN))
    assert not rooms(2e8).plan(size).keeps


def test_kept_memory_lies_in_more_pieces_where_arrays_are_large(rooms):
    plans = [rooms(1e11).plan((side, side)) for side in (256, 512, 1024, 2048)]
    by_the_pixel = [plan.memory / side**2 for plan, side in zip(plans, (256, 512, 1024, 2048), strict=True)]
    assert all(plan.keeps for plan in plans)
    assert by_the_pixel[0] == pytest.approx(by_the_pixel[1], rel=0.1)
    assert by_the_pixel[2] / by_the_pixel[1] == pytest.approx(module.KEEPING[1] / module.KEEPING[0], rel=0.1)
    assert by_the_pixel[3] == pytest.approx(by_the_pixel[2], rel=0.1)


def test_a_little_less_memory_is_gradient_checkpointing(rooms, monkeypatch):
    """Parts of the network in one tile each, of which the first is computed twice."""
    monkeypatch.setattr(module, "plain_tensorflow", lambda: False)
    size = (1024, 1024)
    whole = rooms(4e9).plan(size)
    room = rooms(4e9)
    room.limit = (room.memory(size, whole) - 0.05 * whole.memory) / MARGIN
    plan = room.plan(size)
    assert len(plan.tiles) > 1 and set(plan.tiles) == {(1, 1)}
    assert whole.work < plan.work < 1.2 * whole.work and plan.memory < whole.memory


def test_arrays_go_into_files_where_they_must(rooms):
    assert not rooms(3e9).plan((4000, 4000)).picture_on_disk
    plan = rooms(6e8).plan((4000, 4000))
    assert plan.picture_on_disk and plan.maps_on_disk and plan.content_on_disk and plan.files > 0


def test_what_does_not_fit_is_refused(rooms):
    room = rooms(0)
    room.limit = room.held + 1e5
    with pytest.raises(NotEnoughMemory, match=r"100×100 takes .* at the least; .*Received: ") as refused:
        room.plan((100, 100))
    assert kind_of(refused.value) == "memory" and refused.value.exit_status == 1
    with pytest.raises(NotEnoughMemory, match="the optimiser adam"):
        rooms(1e9, optimizer="lbfgs", history=100).plan((2000, 2000))


def test_an_estimate_tells_the_most_of_all_scales(small, monkeypatch):
    monkeypatch.setattr(module, "free_memory_of_host", lambda: 64e9)
    monkeypatch.setattr(module, "plain_tensorflow", lambda: False)
    little, much = (estimate(small(size=0), 600, side) for side in (600, 1200))
    assert little.memory < much.memory and not much.tiles and much.free > 64e9
    tight = estimate(small(size=0, memory=f"{0.9 * much.memory:.0f}"), 600, 1200)
    assert tight.tiles and tight.memory < much.memory and "in tiles" in str(tight)
    long = estimate(small(size=0, steps=100_000, convolution="direct"), 600, 1200)
    assert long.seconds > 0 and much.seconds is None and "h" in str(long)


def test_a_style_leaves_room_for_what_the_picture_holds(rooms):
    room, size = rooms(1.2e9), (1000, 700)
    tight = room.style_plan(size, beside=9e8)
    assert tight.divided and tight.memory <= module.MARGIN * room.limit - room.held - 9e8
    alone = room.style_plan(size)
    assert alone is None or alone.work < tight.work


def test_a_shrunken_room_divides_further(rooms):
    room, size = rooms(1e9), (1000, 700)
    first = room.plan(size)
    assert room.shrink(size, first) and room.plan(size).memory < first.memory
    for _ in range(20):
        if not room.shrink(size, room.plan(size)):
            break
    else:
        pytest.fail("it shrinks for ever")
    room.plan(size)  # the smallest still fits


@pytest.fixture
def winograd(rooms, monkeypatch):
    """A `Room` with so many bytes, on a machine where Winograd's method was found the faster."""
    monkeypatch.setattr(module, "choose_ways", lambda settings, *_: ["direct", "winograd"])
    monkeypatch.setattr(module, "resident_memory", lambda: 5e8)

    def make(free, **changes):
        room = rooms(free, **changes)
        room.choose_ways([(256, 256), (512, 512)], [5, 5])
        return room

    return make


# Of vgg_mini's layers with 128 channels and more, in and out.
KERNELS = 2 * 144 * 144 + 144 * 256 + 256 * 384 + 384 * 384 + 384 * 512


def test_what_winograds_method_takes_is_counted(rooms, winograd):
    """By hand: two kernels of 36 products for each layer, and of the largest 36 values for 16."""
    plain, room = rooms(4e9), winograd(4e9)
    kernels = 8 * 36 * KERNELS
    assert room.ways == {(256, 256): "direct", (512, 512): "winograd"}
    assert room.held - plain.held == pytest.approx(kernels + COMPILER)
    more = room.plan((512, 512)).memory - plain.plan((512, 512)).memory
    assert more == pytest.approx(module.KEEPING[0] * 4 * 128 * 128 * (144 + 144) * 36 / 16)
    assert room.plan((256, 256)).memory == plain.plan((256, 256)).memory
    assert room.estimate([(256, 256), (512, 512)], [5, 5]).memory > 1.15e8 + plain.memory(
        (512, 512), plain.plan((512, 512))
    )


def test_winograds_method_is_taken_in_tiles_where_both_are_divided(rooms, monkeypatch):
    """Tiles transform kernels when they need them, one layer's at a time."""
    monkeypatch.setattr(module, "resident_memory", lambda: 5e8)
    size, plain, room = (2000, 2000), rooms(1.2e9), rooms(1.2e9)
    monkeypatch.setattr(module, "choose_ways", lambda *_: ["winograd"])
    room.choose_ways([size], [5])
    assert plain.plan(size).divided and room.plan(size).divided
    assert room.ways[size] == "winograd" and room.plan(size).way == "winograd"
    lean = 4 * 9 * KERNELS + 4 * (36 + 9) * 384 * 512
    assert room.held - plain.held == pytest.approx(lean + COMPILER)


def test_what_onednn_keeps_leaves_room_for_the_finished_picture(rooms, monkeypatch):
    """It is still there when the arrays of a finer scale come, and the picture that is saved."""
    monkeypatch.setattr(module, "plain_tensorflow", lambda: False)
    room, sizes = rooms(1.2e9), [(500, 350), (1000, 700)]
    room.choose_ways(sizes, [5, 5])
    finished = 12 * 1000 * 700 * module.FINISHED
    arrays = 12 * 1000 * 700 * module.LARGE_ARRAYS
    for size in sizes:
        plan = room.plan(size)
        assert room.memory(size, plan) >= room.held + plan.memory + finished
    tight = rooms(6e8)
    tight.choose_ways([(4000, 4000)], [5])
    plan = tight.plan((4000, 4000))
    assert plan.picture_on_disk
    kept = 12 * 4000 * 4000 * module.FINISHED
    assert tight.memory((4000, 4000), plan) == pytest.approx(tight.held + plan.memory + kept)
    assert plan.memory <= module.MARGIN * tight.limit - tight.held - kept < arrays * 16


def test_what_is_given_back_leaves_room_for_more(rooms):
    """Beside a picture in files, what tiles keep and the finished picture are not there together."""
    size, room = (4000, 4000), rooms(6e8)
    room.choose_ways([size], [5])
    plan = room.plan(size)
    assert plan.picture_on_disk and plan.keeps
    assert room.memory(size, plan) == room.held + max(plan.memory, 12 * 4000 * 4000 * module.FINISHED)
    assert room.memory(size, plan) <= room.limit


def test_winograds_method_is_not_taken_where_it_does_not_fit(rooms, winograd):
    plain = rooms(4e9)
    plan = plain.plan((512, 512))
    unkept = replace(plan, memory=tile_plan.PLAIN / module.KEEPING[0] * plan.memory)
    enough = plain.memory((512, 512), unkept) - plain.held + 6e7
    tight = winograd(enough / module.MARGIN)
    assert set(tight.ways.values()) == {"direct"} and not tight.plan((512, 512)).divided
    asked = winograd(enough / module.MARGIN, convolution="winograd")
    assert asked.ways[512, 512] == "winograd" and asked.plan((512, 512)).divided
    assert asked.held > tight.held + 1e8


# ---------------------------------------------------------------- whole runs


def test_a_run_in_tiles_paints_the_same_picture(small, blobs, monkeypatch):
    """Nothing is traced, which would take most of the time. The same tiles on every processor."""
    monkeypatch.setattr(backend, "_trace_for_any_size", lambda function: function)
    monkeypatch.setattr(module, "plain_tensorflow", lambda: False)
    assemble.made_from.cache_clear()
    monkeypatch.setattr(tile_plan, "LEAST_WINDOW", 24)
    content, style = blobs(60, 90, 1), blobs(50, 40, 2, 20)
    settings = small(size=0, steps=4, first_scale=64, style_layers=("relu1_1", "relu3_1"), optimizer="adam")
    whole = stylize(content, [style], settings=settings)
    made = []

    class Tight(Room):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.held, self.limit = 0.0, 5e6

        def plan(self, size):
            made.append(super().plan(size))
            return made[-1]

    monkeypatch.setattr("impasto.core.optimise_run.Room", Tight)
    tiled = stylize(content, [style], settings=settings)
    assert any(plan.divided for plan in made)
    np.testing.assert_allclose(tiled.picture.pixels, whole.picture.pixels, atol=2e-3)
    np.testing.assert_allclose(
        [line[3] for line in tiled.history], [line[3] for line in whole.history], rtol=1e-4
    )
    assemble.made_from.cache_clear()


def test_a_first_scale_in_tiles_starts_on_the_host(small, blobs, monkeypatch):
    """Adam on the device would make four arrays of the picture's size, and the takeover four more."""
    monkeypatch.setattr(backend, "_trace_for_any_size", lambda function: function)
    assemble.made_from.cache_clear()
    monkeypatch.setattr(tile_plan, "LEAST_WINDOW", 24)
    started, start, rooms, kept = [], Adam.__init__, [], []

    def recorded(self, image, *arguments, **options):
        started.append(np.shape(image))
        start(self, image, *arguments, **options)

    class Tight(Room):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.held, self.limit = 0.0, 6e6
            rooms.append(self)

    def after_the_targets(pixels, photograph, settings):
        kept.append(rooms[-1].bench.tiled.targets)
        return finished(pixels, photograph, settings)

    monkeypatch.setattr(Adam, "__init__", recorded)
    monkeypatch.setattr("impasto.core.optimise_run.Room", Tight)
    monkeypatch.setattr("impasto.core.optimise_run.finished", after_the_targets)
    settings = small(size=0, steps=2, first_scale=0, prime_colours=False)
    content, style, states = blobs(60, 90, 1), blobs(50, 40, 2, 20), []
    keep = lambda step: states.append(step.state())  # noqa: E731
    result = stylize(content, [style], settings=settings, on_progress=keep)
    assert {shape[1:3] for shape in started} == {(1, 1)}
    assert kept == [None]  # targets and the finished picture are not held together
    resumed = stylize(content, [style], settings=settings, resume=states[0])
    np.testing.assert_array_equal(resumed.picture.pixels, result.picture.pixels)
    assemble.made_from.cache_clear()


def exhausted():
    """The exception that TensorFlow raises, or its like."""
    try:
        from tensorflow.errors import ResourceExhaustedError

        return ResourceExhaustedError(None, None, "OOM when allocating tensor")
    except ImportError:
        return MemoryError("out of memory")


def test_memory_that_runs_out_leads_to_smaller_tiles_from_the_same_step(small, blobs, monkeypatch):
    monkeypatch.setattr(tile_plan, "LEAST_WINDOW", 24)
    content, style = blobs(60, 90, 1), blobs(50, 40, 2, 20)
    settings = small(size=0, steps=5, first_scale=0)
    whole = stylize(content, [style], settings=settings)
    calls, evaluate = [], Objective.__call__

    def failing(self, image):
        calls.append(image)
        if len(calls) == 3:
            raise exhausted()
        return evaluate(self, image)

    monkeypatch.setattr(Objective, "__call__", failing)
    monkeypatch.setattr(module, "resident_memory", lambda: 0.0)
    monkeypatch.setattr(module, "TRACING", 0.0)
    result = stylize(content, [style], settings=settings)
    assert len(calls) == 3  # the rest went through tiles
    assert any("Memory ran out at 90 pixels" in notice for notice in result.notices)
    assert [line[0] for line in result.history] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(result.picture.pixels, whole.picture.pixels, atol=2e-3)


def test_tiles_are_painted_by_adam_and_whole_pictures_by_l_bfgs(small, blobs, monkeypatch):
    """`auto`: what L-BFGS remembers is many times a picture. A saved run goes on with either."""
    monkeypatch.setattr(backend, "_trace_for_any_size", lambda function: function)
    assemble.made_from.cache_clear()
    monkeypatch.setattr(tile_plan, "LEAST_WINDOW", 24)

    class Tight(Room):
        def plan(self, size):
            self.held, self.limit = 0.0, 5e6 if max(size) > 64 else 1e12
            return super().plan(size)

    monkeypatch.setattr("impasto.core.optimise_run.Room", Tight)
    content, style, states = blobs(60, 90, 1), blobs(50, 40, 2, 20), []
    settings = small(size=0, steps=12, first_scale=45, optimizer="auto", style_loss="gram", scale_ratio=2)
    keep = lambda step: states.append((step.scale, step.state()))  # noqa: E731
    result = stylize(content, [style], settings=settings, on_progress=keep)
    assert {(scale, str(state["optimizer"])) for scale, state in states} == {(45, "LBFGS"), (90, "Adam")}
    for scale in (45, 90):
        state = next(state for own, state in states if own == scale)
        resumed = stylize(content, [style], settings=settings, resume=state)
        np.testing.assert_allclose(resumed.picture.pixels, result.picture.pixels, atol=1e-6)
    assert result.history[-1][0] == 12 and result.history[-1][3] < result.history[0][3]
    assemble.made_from.cache_clear()


def test_other_errors_are_not_taken_for_it(small, blobs, monkeypatch):
    def failing(self, image):
        raise ZeroDivisionError

    monkeypatch.setattr(Objective, "__call__", failing)
    with pytest.raises(ZeroDivisionError):
        stylize(blobs(40, 40, 1), [blobs(40, 40, 2)], settings=small(size=0, steps=1))


def test_the_command_line_tells_and_refuses(bundled, pictures, impasto, capsys, monkeypatch):
    words = ["stylize", pictures / "photo.png", pictures / "dots.png", "--steps", 1, "--size", 64, "--json"]
    assert impasto(*words, "--memory", "30GB") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["tiles"] is False and facts["settings"]["memory"] == "30GB"
    assert 0.5 < facts["estimated_memory"] / facts["peak_memory"] < 2
    assert impasto(*words, "--memory", "100MB") == 1
    error = capsys.readouterr().err
    assert "takes about" in error and error.count("\n") == 1
    assert impasto(*words, "--memory", "much") == 2


def test_memory_is_no_part_of_a_runs_identity(small, blobs):
    from impasto.core.images import Picture
    from impasto.core.interrupted import fingerprint

    content = Picture(blobs(40, 40, 1))
    settings = small()
    assert fingerprint(content, [], None, settings) == fingerprint(
        content, [], None, replace(settings, memory="5GB")
    )
