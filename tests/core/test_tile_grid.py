"""Tiles: every position belongs to one, and every window holds what its tile needs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from impasto.core.tile_grid import grid, spans, window_side

SIDES = st.integers(1, 300)
STRIDES = st.sampled_from([1, 2, 4, 16])
HALOS = st.tuples(st.integers(0, 40), st.integers(0, 40))


@given(SIDES, st.integers(1, 12), STRIDES, HALOS)
def test_an_axis_is_divided_without_rest(length, count, stride, halo):
    divided = spans(length, count, stride, halo)
    assert [span.start for span in divided] == [0, *(span.stop for span in divided)][:-1]
    assert divided[-1].stop == length and len(divided) <= count
    for span in divided:
        assert span.start < span.stop and span.start % stride == 0 and span.first % stride == 0
        assert span.first <= max(0, span.start - halo[0]) and span.last >= min(length, span.stop + halo[1])
        assert span.first >= 0 and span.last <= length
    longest = max(span.stop - span.start for span in divided)
    assert max(span.last - span.first for span in divided) <= window_side(longest, stride, halo)


@given(SIDES, st.integers(1, 12), HALOS)
def test_windows_are_of_few_sizes(length, count, halo):
    sizes = {span.last - span.first for span in spans(length, count, 16, halo)}
    assert len(sizes) <= 2  # one compilation each on some backends


@given(st.tuples(SIDES, SIDES), st.tuples(st.integers(1, 5), st.integers(1, 5)), STRIDES)
def test_every_position_of_every_layer_belongs_to_one_tile(size, counts, stride):
    layers = [inner for inner in (1, 2, 4, 16) if inner <= stride]
    for inner in layers:
        seen = np.zeros([side // inner for side in size])
        for tile in grid(size, counts, stride, (3, 5)):
            (rows, height), (columns, width) = (
                span.at(inner, length) for span, length in zip((tile.rows, tile.columns), size, strict=True)
            )
            assert rows.stop <= height and columns.stop <= width
            top, left = tile.rows.first // inner, tile.columns.first // inner
            seen[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop] += 1
        assert (seen == 1).all()
