"""Train the network that sees burned-in text, and write its model file.

    pip install torch onnx opencv-python-headless matplotlib font-roboto font-source-sans-pro \\
        font-source-serif-pro font-caladea font-hanken-grotesk japanize-matplotlib koreanize-matplotlib
    python data/build/train_text_detector.py [STEPS]

draws pictures with text at random (text_backdrops.py, text_scenes.py), and teaches a small U-Net [1] which pixels are
those of a line of text. 6,000 steps take about an hour on two cores. It writes helpers/safeshare/models/text.onnx.

[1] Ronneberger, Fischer and Brox, U-Net: convolutional networks for biomedical image segmentation, MICCAI 2015,
    doi:10.1007/978-3-319-24574-4_28.
"""

import copy
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from text_backdrops import slices
from text_scenes import scene
from torch import nn
from torch.nn import functional

from safeshare import text_detector

MODEL = Path(text_detector.__file__).parent / "models" / "text.onnx"
WIDTHS = 24, 32, 48, 64, 96  # channels at a half of the picture's size, at a quarter, and so on
SIDE, BATCH, STEPS = 256, 12, 6000  # pixels of a picture, pictures of a step, and steps
FASTEST, SLOWEST, WARM = 4e-3, 1e-5, 200  # how fast to learn, and steps until the fastest
INK, SMOOTH = 2.0, 50.0  # how much more text weighs than other pixels, and what keeps empty pictures from counting much
AVERAGED = 0.998  # of the running average of the weights is kept in a step; the average is what is written


def block(given: int, wide: int) -> nn.Sequential:
    """Return a convolution with what belongs to it."""
    return nn.Sequential(nn.Conv2d(given, wide, 3, padding=1, bias=False), nn.BatchNorm2d(wide), nn.ReLU(True))


class Net(nn.Module):
    """A U-Net that looks at a picture (4 channels) at half its size, and adds where others concatenate, for speed."""

    def __init__(self) -> None:
        super().__init__()
        pairs = list(zip(WIDTHS, WIDTHS[1:], strict=False))
        self.stem = block(4 * 4, WIDTHS[0])
        deeper = [nn.Sequential(block(wide, more), block(more, more)) for wide, more in pairs]
        self.down = nn.ModuleList([nn.Sequential(block(WIDTHS[0], WIDTHS[0])), *deeper])
        self.flat = nn.ModuleList([nn.Conv2d(more, wide, 1) for wide, more in pairs])
        self.up = nn.ModuleList([block(wide, wide) for wide, _ in pairs])
        self.out = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Return how clearly text is at each pixel of half the size."""
        values, seen = self.stem(functional.pixel_unshuffle(picture, 2)), []
        for depth, down in enumerate(self.down):
            values = down(functional.max_pool2d(values, 2) if depth else values)
            seen.append(values)
        for depth in reversed(range(len(self.up))):
            larger = functional.interpolate(self.flat[depth](values), scale_factor=2.0, mode="nearest")
            values = self.up[depth](larger + seen[depth])
        return self.out(values)


class Pictures(torch.utils.data.IterableDataset):
    """Pictures as the network is shown them, and at half their size: where text is, and where it does not count."""

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        random, scans = np.random.RandomState(1), slices()
        cv2.setNumThreads(1)
        while True:
            picture, label = scene(random, SIDE, scans)
            halves = label.reshape(SIDE // 2, 2, SIDE // 2, 2)
            told = np.stack([(halves == 1).mean((1, 3)) >= 0.5, (halves == 2).any((1, 3))])
            yield text_detector.shown(picture), told.astype(np.float32)


def loss_of(seen: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
    """Return cross entropy and Dice loss together."""
    text, counts = told[:, 0], 1 - told[:, 1]
    crossed = functional.binary_cross_entropy_with_logits(seen[:, 0], text, reduction="none")
    likely = torch.sigmoid(seen[:, 0]) * counts
    both, sizes = (likely * text).sum(), (likely * likely).sum() + (text * counts).sum()
    return 3 * (crossed * counts * (1 + INK * text)).mean() + 1 - (2 * both + SMOOTH) / (sizes + SMOOTH)


def trained(steps: int) -> Net:
    """Return the running average of a network while it learns."""
    torch.manual_seed(0)
    net = Net().to(memory_format=torch.channels_last)
    average = copy.deepcopy(net).eval()
    learner = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
    batches = iter(torch.utils.data.DataLoader(Pictures(), batch_size=BATCH, num_workers=1, prefetch_factor=8))
    for step in range(1, steps + 1):
        cooled = 0.5 + 0.5 * math.cos(math.pi * step / steps)
        for group in learner.param_groups:
            group["lr"] = FASTEST * min(1, step / WARM) * cooled + SLOWEST
        pictures, told = next(batches)
        loss = loss_of(net(pictures.to(memory_format=torch.channels_last)), told)
        learner.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        learner.step()
        with torch.no_grad():
            for kept, now in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
                if kept.dtype.is_floating_point:
                    kept.lerp_(now, 1 - min(AVERAGED, step / (step + 20)))
                else:
                    kept.copy_(now)
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return average


def write(net: Net) -> None:
    """Write the model file, whose pictures may have any size that is a multiple of 32."""
    torch.onnx.export(
        nn.Sequential(net, nn.Sigmoid()).eval(), torch.zeros(1, 4, SIDE, SIDE), MODEL, opset_version=17, dynamo=False,
        input_names=["picture"], output_names=["likely"],
        dynamic_axes={"picture": {2: "rows", 3: "columns"}, "likely": {2: "half_rows", 3: "half_columns"}},
    )  # fmt: skip


if __name__ == "__main__":
    write(trained(int(sys.argv[1]) if len(sys.argv) > 1 else STEPS))
