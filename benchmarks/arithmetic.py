"""How much arithmetic a step is, counted from the layers' shapes."""

from __future__ import annotations

from collections.abc import Sequence


def step_gflop(
    blocks: Sequence[Sequence[int]], height: int, width: int, style_layers: Sequence[str], deepest: str
) -> dict[str, float]:
    """The GFLOP (a multiplication and an addition are two) of a loss and its gradient by the picture.

    A convolution costs as much backward as forward, since no gradient by its weights is needed. A Gram
    or covariance matrix FᵀF of M positions and C channels costs 2·M·C² and, backward, the same. The
    rest (ReLU, pooling, roots of C×C matrices, the optimiser) is left out. VGG-19 to relu5_1 with five
    Gram matrices at 512×512 comes to 397 GFLOP.

    Args:
        blocks: for each block, the channels of its 3×3 convolutions, as the register has them.
        height, width: of the picture.
        style_layers: those with a Gram or covariance matrix, such as `relu1_1`.
        deepest: the last layer that is computed.

    Returns:
        `convolutions`, `statistics` and their sum, `step`.
    """
    convolutions = statistics = 0.0
    incoming, names = 3, []
    for block, widths in enumerate(blocks, 1):
        for number, channels in enumerate(widths, 1):
            name = f"relu{block}_{number}"
            convolutions += 2 * height * width * 9 * incoming * channels
            if name in style_layers:
                statistics += 2 * height * width * channels**2
            names.append(name)
            incoming = channels
            if name == deepest:
                total = 2e-9 * (convolutions + statistics)
                return {"convolutions": 2e-9 * convolutions, "statistics": 2e-9 * statistics, "step": total}
        height, width = height // 2, width // 2
    raise ValueError(f"The network has the layers {', '.join(names)}. Received: {deepest}")
