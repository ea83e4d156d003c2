"""Neural style transfer in plain PyTorch, as the usual tutorials write it: what Impasto is compared with.

The loop is PyTorch's own "Neural Transfer Using PyTorch" tutorial (torch.optim.LBFGS as it comes,
a closure, 300 evaluations of it, the photograph as start, the picture clamped to 0-1 in the closure)
with the layers and weights of Gatys et al.'s PyTorch notebook: Gram matrices of relu1_1 ... relu5_1
at 1000 / channels² each, relu4_2 for the content at 1. The network is built by hand from an .npz of
Keras's arrays, so both sides compute the same one. Nothing of Impasto is imported.

    python benchmarks/plain_loop.py INPUTS.npz WEIGHTS.npz SNAPSHOTS.npz --steps 300

INPUTS.npz holds `content` and `style`, each (height, width, 3) float32 of 0-1. The last line printed
is JSON: a line for each evaluation of the closure, (number, seconds, loss).
"""

from __future__ import annotations

import argparse
import json
import re
import time

LIBRARIES_FROM = time.perf_counter()

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

IMPORT_SECONDS = time.perf_counter() - LIBRARIES_FROM
MEANS = (103.939, 116.779, 123.68)  # Caffe's, blue first
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
CONTENT_LAYER = "relu4_2"
STYLE_WEIGHT = 1e3  # of the mean squared difference of Gram matrices, divided by the channels squared
CONTENT_WEIGHT = 1.0


class VGG(torch.nn.Module):
    """A VGG-shaped network to relu5_1, from Keras's arrays `block1_conv1/kernel`, `.../bias`, ...

    Args:
        arrays: kernels (3, 3, in, out) and biases (out,).
        pooling: `max` or `average`.
    """

    def __init__(self, arrays: dict[str, np.ndarray], pooling: str) -> None:
        super().__init__()
        names = sorted(name.split("/")[0] for name in arrays if name.endswith("/kernel"))
        self.names = [name for name in names if name <= "block5_conv1"]
        self.convolutions = torch.nn.ModuleList()
        for name in self.names:
            kernel, bias = (
                torch.from_numpy(arrays[f"{name}/{kind}"].astype("float32")) for kind in ("kernel", "bias")
            )
            layer = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=1)
            layer.load_state_dict({"weight": kernel.permute(3, 2, 0, 1), "bias": bias})
            self.convolutions.append(layer)
        self.pool = {"max": torch.nn.MaxPool2d(2), "average": torch.nn.AvgPool2d(2)}[pooling]
        self.requires_grad_(False)
        self.means = torch.tensor(MEANS).view(1, 3, 1, 1)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Features by layer of a picture (1, 3, height, width), red first, 0-1."""
        x = image.flip(1) * 255 - self.means
        features: dict[str, torch.Tensor] = {}
        for name, layer in zip(self.names, self.convolutions, strict=True):
            block, number = map(int, re.findall(r"\d+", name))
            if number == 1 and block > 1:
                x = self.pool(x)
            x = F.relu(layer(x))
            features[f"relu{block}_{number}"] = x
        return features


def gram(features: torch.Tensor) -> torch.Tensor:
    """Channel products averaged over positions, (channels, channels)."""
    rows = features[0].flatten(1)  # (C, M)
    return rows @ rows.T / rows.shape[1]


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """(height, width, 3) to (1, 3, height, width)."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))


class Objective:
    """The sum of content and style losses, as tutorials have it."""

    def __init__(self, network: VGG, content: torch.Tensor, style: torch.Tensor) -> None:
        self.network = network
        with torch.no_grad():
            self.content = network(content)[CONTENT_LAYER]
            features = network(style)
            self.grams = {layer: gram(features[layer]) for layer in STYLE_LAYERS}

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """The loss of a picture."""
        features = self.network(image)
        loss = CONTENT_WEIGHT * F.mse_loss(features[CONTENT_LAYER], self.content)
        for layer, target in self.grams.items():
            weight = STYLE_WEIGHT / len(target) ** 2
            loss = loss + weight * F.mse_loss(gram(features[layer]), target)
        return loss


class Enough(Exception):
    """Raised in the closure after the last evaluation: L-BFGS itself asks for up to 25 at a time."""


def start(kind: str, content: torch.Tensor) -> torch.Tensor:
    """The picture to start from: the `content`, or `noise` as the tutorial's alternative."""
    if kind == "content":
        return content.clone()
    return torch.randn(content.shape, generator=torch.Generator().manual_seed(0))


def snapshot_steps(steps: int) -> set[int]:
    """After which steps the picture is kept: the first five, then each time 13 percent have been added."""
    return {min(steps, round(1.13**i)) for i in range(200)} | {0, 1, 2, 3, 4, 5, steps}


def paint(
    objective: Objective,
    image: torch.Tensor,
    steps: int,
    began: float,
    snapshots: list[tuple[int, float, np.ndarray]] | None = None,
) -> list[tuple[int, float, float]]:
    """The loop.

    Args:
        objective: what to make small.
        image: where to start; it is changed.
        steps: evaluations of the closure.
        began: when the work began.
        snapshots: takes (step, seconds, picture) now and then; the time that takes is not counted.

    Returns:
        (evaluation, seconds, loss) of each; the loss is that of the picture before the step.
    """
    image.requires_grad_(True)
    optimizer = torch.optim.LBFGS([image])
    history: list[tuple[int, float, float]] = []
    keep, paused = snapshot_steps(steps), 0.0

    def closure() -> torch.Tensor:
        nonlocal paused
        with torch.no_grad():
            image.clamp_(0, 1)
        done, now = len(history), time.perf_counter()
        if snapshots is not None and done in keep:  # the picture that `done` evaluations led to
            snapshots.append((done, now - began - paused, image.detach()[0].permute(1, 2, 0).numpy().copy()))
            paused += time.perf_counter() - now
        if done == steps:
            raise Enough
        optimizer.zero_grad()
        loss = objective(image)
        loss.backward()
        history.append((done + 1, time.perf_counter() - began - paused, loss.item()))
        return loss

    try:
        while True:
            optimizer.step(closure)
    except Enough:
        return history


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("inputs")
    arguments.add_argument("weights")
    arguments.add_argument("snapshots")
    arguments.add_argument("--steps", type=int, default=300)
    arguments.add_argument("--pooling", choices=("max", "average"), default="max")
    arguments.add_argument("--init", choices=("content", "noise"), default="content")
    given = arguments.parse_args()
    with np.load(given.inputs) as file:
        content, style = to_tensor(file["content"]), to_tensor(file["style"])
    began = time.perf_counter()
    with np.load(given.weights) as file:
        network = VGG(dict(file), given.pooling)
    snapshots: list[tuple[int, float, np.ndarray]] = []
    history = paint(
        Objective(network, content, style), start(given.init, content), given.steps, began, snapshots
    )
    pictures = {f"{step:05d}": picture for step, _, picture in snapshots}
    np.savez(given.snapshots, **pictures)  # type: ignore[arg-type]
    facts = {
        "history": history,
        "snapshots": [(step, seconds) for step, seconds, _ in snapshots],
        "import_seconds": IMPORT_SECONDS,
        "seconds": snapshots[-1][1],
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
