"""Train the network that sees foreign objects in radiographs, and write its model file.

    pip install torch onnx
    python data/build/train_object_detector.py

draws radiographs at random (xray_bodies.py, xray_things.py, xray_devices.py, xray_exposure.py), teaches a small U-Net
to tell for each pixel whether it is an object's, and writes helpers/safeshare/models/objects.onnx. On one core, drawing
takes 20 minutes, and teaching about two hours.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from scipy import ndimage
from torch import nn
from torch.nn import functional
from xray_exposure import NOTHING, Body, sample

from safeshare import object_detector

MODEL = Path(object_detector.__file__).parent / "models" / object_detector.MODEL
PICTURES, BODIES, SIDE = 5600, 4, 640  # pictures that are drawn, bodies at a time, and pixels along a picture at most
CROP, BATCH, STEPS = 384, 6, 16_000
RATE, WARM, STEADY = 2e-3, 0.03, 0.3  # of learning, and the shares of the steps until it is reached, and kept
WEIGHTS = (1.0, 3.0, 3.0, 2.5, 3.0)  # of nothing, what is worn, tags, devices, markers
COARSE = (1.0, 4.0, 4.0, 3.5, 4.0)  # the same in coarse pictures
USUAL, LEAST, MOST = 2500, 0.6, 6.0  # pixels of an object that weigh once, and what those of others weigh
WIDTHS = (16, 32, 64, 96, 128)  # channels at half the size, a quarter, ...
AROUND = 25  # pixels that a pixel's value is compared with
CENTRED = 0.6  # share of the crops that have an object near the middle

Picture = tuple[np.ndarray, np.ndarray]  # values and kinds
Part = tuple[np.ndarray, np.ndarray, np.ndarray]  # and weights


def convolved(before: int, after: int, stride: int = 1, apart: int = 1) -> nn.Sequential:
    """Return a convolution, normalized and cut off at 0."""
    convolution = nn.Conv2d(before, after, 3, stride, apart, dilation=apart, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class Added(nn.Module):
    """Two convolutions whose outcome is added to what goes in (He 2015, doi:10.1109/CVPR.2016.90)."""

    def __init__(self, width: int, apart: int = 1):
        super().__init__()
        self.a = convolved(width, width, 1, apart)
        self.b = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return as much as went in."""
        return functional.relu(x + self.b(self.a(x)))


class Network(nn.Module):
    """A U-Net that starts at half the size, with four pixels as four channels, and ends so."""

    def __init__(self) -> None:
        super().__init__()
        w, kinds = WIDTHS, len(WEIGHTS)
        self.first = convolved(8, w[0])
        self.down = nn.ModuleList(nn.Sequential(convolved(a, b, 2), Added(b)) for a, b in pairwise(w))
        self.down[2].append(Added(w[3], 2))
        self.down[3][1] = Added(w[4], 2)
        self.side = nn.ModuleList(nn.Conv2d(b, a, 1, bias=False) for a, b in pairwise(w))
        self.up = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(a), nn.ReLU(inplace=True), convolved(a, a)) for a in w[:-1]
        )
        self.coarse = nn.ModuleList(nn.Conv2d(a, kinds, 1) for a in w[1:-1])
        self.last = nn.Conv2d(w[0], kinds * 4, 1)

    def forward(self, values: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return scores (pictures, kinds, rows, columns), fine and coarse; rows and columns are multiples of 32."""
        mean = averaged(values)
        spread = averaged((values - mean) ** 2).clamp_min(0).sqrt()
        x = torch.cat([values * 2 - 1, (values - mean) / (spread + 0.04)], 1)
        x = self.first(functional.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last))
        before, coarse = [], []
        for down in self.down:
            before.append(x)
            x = down(x)
        for level in (3, 2, 1, 0):
            larger = functional.interpolate(self.side[level](x), scale_factor=2.0, mode="nearest")
            x = self.up[level](larger + before[level])
            if level:
                coarse.append(self.coarse[level - 1](x))
        return functional.pixel_shuffle(self.last(x), 2), coarse


class Sure(nn.Module):
    """A network that tells how likely a pixel is an object's, of whatever kind."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return shares (pictures, rows, columns)."""
        return 1 - torch.softmax(self.network(values)[0], 1)[:, 0]


def averaged(values: torch.Tensor) -> torch.Tensor:
    """Return the mean around each pixel."""
    half = AROUND // 2
    rows = functional.avg_pool2d(values, (AROUND, 1), 1, (half, 0), count_include_pad=False)
    return functional.avg_pool2d(rows, (1, AROUND), 1, (0, half), count_include_pad=False)


def drawn(count: int, random: np.random.RandomState) -> list[Picture]:
    """Return radiographs at random, as halves, which need little memory."""
    out, bodies = [], [Body(random) for _ in range(BODIES)]
    for _ in range(count):
        bodies[random.randint(BODIES)] = Body(random)
        picture = sample(bodies[random.randint(BODIES)], SIDE, random)
        out.append((picture.shown.astype(np.float16), picture.kind))
    return out


def cropped(pictures: list[Picture], r: np.random.RandomState) -> Part:
    """Return a part of a picture, turned, flipped, and of another contrast, and what each pixel weighs."""
    values, kinds = pictures[r.randint(len(pictures))]
    room = [max(0, n - CROP) for n in kinds.shape]
    places = np.argwhere(((kinds > 0) & (kinds < NOTHING))[::8, ::8]) * 8
    if len(places) and r.rand() < CENTRED:
        y, x = np.clip(places[r.randint(len(places))] - CROP // 2 + r.randint(-CROP // 3, CROP // 3, 2), 0, room)
    else:
        y, x = r.randint(room[0] + 1), r.randint(room[1] + 1)
    values, kinds = (each[y : y + CROP, x : x + CROP] for each in (values.astype(np.float32), kinds))
    turns, flip = r.randint(4), r.choice([-1, 1])
    values, kinds = (np.rot90(each[:, ::flip], turns) for each in (values, kinds))
    values = values * np.exp(r.normal(0, 0.12)) + r.normal(0, 0.05)
    if r.rand() < 0.4:
        values = np.where(values > 0, np.abs(values) ** np.exp(r.normal(0, 0.25)), values)
    values = np.clip(values, -0.3, 1.5)
    if r.rand() < 0.2:
        values = values + r.uniform(0, 0.02) * r.standard_normal(values.shape)
    rest = [(0, CROP - n) for n in kinds.shape]
    values, kinds = np.pad(values, rest), np.pad(kinds, rest, constant_values=NOTHING)
    return values.astype(np.float32), kinds.astype(np.int64), weighed(kinds)


def weighed(kinds: np.ndarray) -> np.ndarray:
    """Return what each pixel weighs: more on a small object, or studs and clips would count for nothing."""
    labels, _ = ndimage.label((kinds > 0) & (kinds < NOTHING), np.ones((3, 3)))
    weights = np.clip(np.sqrt(USUAL / np.maximum(np.bincount(labels.ravel()), 1)), LEAST, MOST)
    weights[0] = 1
    return weights[labels].astype(np.float32)


def wrong(scores: torch.Tensor, coarse: list[torch.Tensor], kinds: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return how wrong the kinds are (cross entropy), coarsely, too, and how badly objects are covered (Dice).

    Without the coarse ones the network learns borders for long before it learns what lies between them.
    """
    counts, of_kinds = kinds != NOTHING, torch.tensor(WEIGHTS)
    entropy = functional.cross_entropy(scores, kinds, of_kinds, ignore_index=NOTHING, reduction="none")
    entropy = (entropy * weights).sum() / of_kinds[kinds[counts]].sum()
    found = (1 - torch.softmax(scores, 1)[:, 0]) * counts * weights
    true = ((kinds > 0) & counts).float()
    dice = 1 - (2 * (found * true).sum() + 20) / (found.sum() + (true * weights).sum() + 20)
    total = entropy + 0.7 * dice
    known = torch.where(kinds == NOTHING, -1, kinds).float()
    for each in coarse:
        size = kinds.shape[-1] // each.shape[-1]
        cells, unknown = functional.max_pool2d(known, size), functional.max_pool2d((known < 0).float(), size)
        cells = torch.where((cells <= 0) & (unknown > 0), NOTHING, cells).long()
        total = total + 0.3 * functional.cross_entropy(each.float(), cells, torch.tensor(COARSE), ignore_index=NOTHING)
    return total


def rate(done: float) -> float:
    """Return how fast the network learns after a share of the steps."""
    return RATE * (min(1, done / WARM) if done < STEADY else 0.5 + 0.5 * np.cos(np.pi * (done - STEADY) / (1 - STEADY)))


def taught(pictures: list[Picture], random: np.random.RandomState) -> Network:
    """Return a network that has learned from pictures."""
    network = Network().to(memory_format=torch.channels_last).train()
    way = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    for step in range(STEPS):
        for group in way.param_groups:
            group["lr"] = rate(step / STEPS)
        values, kinds, weights = (
            np.stack(each) for each in zip(*(cropped(pictures, random) for _ in range(BATCH)), strict=True)
        )
        with torch.autocast("cpu", torch.bfloat16):
            scores, coarse = network(torch.from_numpy(values[:, np.newaxis]))
        loss = wrong(scores.float(), coarse, torch.from_numpy(kinds), torch.from_numpy(weights))
        work_back(way, loss, step)
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        way.step()
    return network.eval()


def work_back(way: torch.optim.Optimizer, loss: torch.Tensor, step: int) -> None:
    """Work out which way to go, and tell now and then how wrong the network is."""
    way.zero_grad()
    loss.backward()
    if step % 100 == 0:
        print(step, round(loss.item(), 3), flush=True)


def write(network: nn.Module, example: torch.Tensor, axes: dict[str, dict[int, str]], path: Path) -> None:
    """Write a model file; ``axes`` names what goes in and what comes out, and those of their axes that vary."""
    given, told = axes
    torch.onnx.export(
        network.eval(), example, str(path), input_names=[given], output_names=[told], dynamic_axes=axes,
        opset_version=17, dynamo=False,
    )  # fmt: skip
    compress(path)


def compress(path: Path) -> None:
    """Keep the weights of convolutions as bytes; they are multiplied once when the model is loaded."""
    model = onnx.load(str(path))
    for tensor in list(model.graph.initializer):
        weights = numpy_helper.to_array(tensor)
        if weights.ndim == 4:
            model.graph.initializer.remove(tensor)
            compress_one(model.graph, tensor.name, weights)
    onnx.save(model, str(path))


def compress_one(graph: onnx.GraphProto, name: str, weights: np.ndarray) -> None:
    """Keep weights as bytes, and a scale for each channel."""
    scale = np.maximum(np.abs(weights).max((1, 2, 3), keepdims=True), 1e-9) / 127
    parts = {"bytes": np.round(weights / scale).astype(np.int8), "scale": scale.astype(np.float32)}
    graph.initializer.extend(numpy_helper.from_array(part, f"{name}_{kind}") for kind, part in parts.items())
    graph.node.insert(0, helper.make_node("Mul", [name + "_float", name + "_scale"], [name]))
    graph.node.insert(0, helper.make_node("Cast", [name + "_bytes"], [name + "_float"], to=TensorProto.FLOAT))


def main() -> None:
    """Draw, teach, write."""
    torch.manual_seed(1)
    random = np.random.RandomState(7)
    axes = {"values": {2: "rows", 3: "columns"}, "likely": {1: "rows", 2: "columns"}}
    write(Sure(taught(drawn(PICTURES, random), random)), torch.rand(1, 1, 320, 384), axes, MODEL)


if __name__ == "__main__":
    main()
