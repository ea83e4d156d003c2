"""Total variation: a picture's own roughness, kept low so that flat areas stay quiet."""

from keras import ops

from .backend import Tensor
from .errors import UsageError
from .losses import absolute, as_number


def differences(image: Tensor) -> tuple[Tensor, Tensor]:
    """Differences of neighbouring pixels across (1, h, w-1, 3) and down (1, h-1, w, 3)."""
    return difference(image, 2), difference(image, 1)


def difference(image: Tensor, axis: int) -> Tensor:
    """Each pixel minus the one before it along an axis.

    `ops.slice` in place of Python's slices: TensorFlow's gradient of those runs on one core.
    """
    shape = list(ops.shape(image))
    shape[axis] -= 1
    first = [0, 0, 0, 0]
    second = [int(i == axis) for i in range(4)]
    return ops.slice(image, second, shape) - ops.slice(image, first, shape)


class TotalVariation:
    """The total variation of a picture (1, height, width, 3) of 0-1.

    Orders:
        ``"l2"``: the mean over all values of squared differences across and down, with the border
            repeated, as crowsonkb/style-transfer-pytorch (its weight is 2).
        ``"l1"``: the same of absolute differences: keeps edges, flattens the rest.
        ``"neural-style"``: half the sum of squared differences across and down, without the last row
            and column. That tool adds its gradient to the others' and leaves it out of the printed
            loss (its weight is 1e-3, `scale` 255).
        ``"laplacian"``: a sixteenth of the sum of all squared differences, whose gradient is the
            Laplacian over 8 that MXNet's example adds (its weight is 1e-2, `scale` 255). There the
            border is padded with mean grey, which draws a frame; here it is repeated.

    Args:
        weight: The factor of this loss in an `Objective`; calling the loss itself leaves it out.
        order: See above.
        scale: Multiplies the pixels first: 255 for weights that were meant for pixels of 0-255.
        name: Names the loss among the parts of an objective.
    """

    orders = ("l2", "l1", "neural-style", "laplacian")

    def __init__(
        self, weight: float = 1.0, order: str = "l2", *, scale: float = 1.0, name: str = "variation"
    ) -> None:
        if order not in self.orders:
            raise UsageError(
                f"Unknown order of total variation. Expected one of {', '.join(self.orders)}."
                f" Received: {order!r}"
            )
        self.weight, self.order, self.scale, self.name = weight, order, scale, name

    def __call__(self, image: Tensor) -> Tensor:
        """The total variation without the weight: a scalar."""
        shape = ops.shape(image)
        return self.part(image, 1.0, as_number(shape[1] * shape[2] * shape[3], image.dtype))

    def part(self, band: Tensor, own: Tensor | float, values: Tensor | float) -> Tensor:
        """A band of rows' share in the total variation of a picture, without the weight: a scalar.

        Args:
            band: (1, rows, width, 3): the band, and the first row below it where there is one.
            own: (1, rows, 1, 1): 1 for the band's own rows and 0 for the one below.
            values: how many the whole picture has.
        """
        across, down = differences(band)
        if self.order == "neural-style":
            squares = ops.sum(ops.square(across[:, :-1])) + ops.sum(ops.square(down[:, :, :-1]))
            return 0.5 * self.scale**2 * squares
        across = across * own
        if self.order == "laplacian":
            return self.scale**2 / 16 * (ops.sum(ops.square(across)) + ops.sum(ops.square(down)))
        # A repeated border adds zeros.
        if self.order == "l1":
            return self.scale * (ops.sum(absolute(across)) + ops.sum(absolute(down))) / values
        return self.scale**2 * (ops.sum(ops.square(across)) + ops.sum(ops.square(down))) / values
