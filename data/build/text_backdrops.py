"""Draw pictures without text at random, for the training of the text detector: textures like those of medical images.

Much in them looks like letters and is none: ticks, dashes, graphs, vessels, grains, and the edges of blocks. Levels run
from 0 to 1, and pictures are as high as wide.
"""

import cv2
import numpy as np
from pydicom import dcmread
from pydicom.pixels import apply_rescale

from safeshare import data

RandomState = np.random.RandomState
WINDOWS = ((-1000, 2000), (-160, 240), (0, 100), (-500, 1500))  # of a CT, from black to white, in HU


def slices() -> list[np.ndarray]:
    """Return the slices of the lesson's scans, those of CT in windows of several widths."""
    out: list[np.ndarray] = []
    for name in ("head", "metal_ct", "gallery"):
        for path in sorted(data.folder(name).rglob("*.dcm")):
            dataset = dcmread(path)
            if "ImagePositionPatient" not in dataset:
                continue
            values = dataset.pixel_array.astype(np.float32)
            low, high = 0.0, float(np.percentile(values, 99.7)) + 1
            if dataset.Modality == "CT":
                values = apply_rescale(values, dataset)
                low, high = WINDOWS[len(out) % len(WINDOWS)]
            out.append(((values - low) / (high - low)).clip(0, 1))
    return out


def _smooth(random: RandomState, side: int, grain: float) -> np.ndarray:
    """Return noise of a given grain with a spread of 1."""
    small = max(2, int(side / max(1.0, grain / 2)))
    noise = cv2.resize(random.randn(small, small).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    return noise / (noise.std() + 1e-6)


def _speckle(random: RandomState, side: int) -> np.ndarray:
    along, across = random.uniform(0.5, 2.6), random.uniform(0.5, 4)
    noise = random.randn(2, side, side).astype(np.float32)
    waves = [cv2.GaussianBlur(each, (0, 0), across, sigmaY=along) for each in noise]
    loud = np.hypot(*waves)
    loud = loud / loud.mean()
    kind = random.randint(3)
    loud = np.sqrt(loud) * 0.5 if kind == 0 else loud * 0.4 if kind == 1 else (0.5 + 0.16 * np.log(loud + 0.02))
    tissue = random.uniform(0.3, 1.1) + random.uniform(0, 0.4) * _smooth(random, side, random.uniform(20, 120))
    return loud * tissue.clip(0.03, 1.4)


def _fractal(random: RandomState, side: int) -> np.ndarray:
    out, share = np.zeros((side, side), np.float32), 1.0
    for grain in (200, 100, 50, 25, 12, 6, 3, 1.5):
        out += share * _smooth(random, side, grain)
        share *= random.uniform(0.35, 0.75)
    return 0.5 + random.uniform(0.05, 0.25) * out / (out.std() + 1e-6)


def _flat(random: RandomState, side: int) -> np.ndarray:
    out = np.full((side, side), random.choice([0.0, 0.0, random.rand(), 1.0]), np.float32)
    if random.rand() < 0.4:
        ramp = random.uniform(-0.3, 0.3) * np.linspace(-1, 1, side, dtype=np.float32)
        out += ramp if random.rand() < 0.5 else ramp[:, None]
    return out


def _blobs(random: RandomState, side: int) -> np.ndarray:
    out = np.full((side, side), random.rand() * 0.5, np.float32)
    for _ in range(random.randint(3, 25)):
        layer = np.zeros((side, side), np.float32)
        centre = tuple(int(each) for each in random.randint(0, side, 2))
        axes = tuple(int(each) for each in random.randint(3, side // 3, 2))
        thick = -1 if random.rand() < 0.7 else int(random.randint(1, 6))
        cv2.ellipse(layer, centre, axes, random.randint(180), 0, 360, 1.0, thick)
        soft = random.choice([0.0, 1.0, 3.0, 10.0])
        out += random.uniform(-0.4, 0.6) * (cv2.GaussianBlur(layer, (0, 0), soft) if soft else layer)
    return out


def _panels(random: RandomState, side: int) -> np.ndarray:
    out = np.full((side, side), random.rand(), np.float32)
    for _ in range(random.randint(2, 14)):
        top, left = random.randint(0, side, 2)
        out[top : top + random.randint(4, side), left : left + random.randint(4, side)] = random.rand()
    return out


def _anatomy(random: RandomState, side: int, slices: list[np.ndarray]) -> np.ndarray:
    picture = slices[random.randint(len(slices))]
    times = random.uniform(0.6, 2.0)
    need = max(8, int(side / times))
    rows, columns = picture.shape
    if min(rows, columns) < need:
        picture = np.pad(picture, ((0, max(0, need - rows)), (0, max(0, need - columns))))
        rows, columns = picture.shape
    top, left = random.randint(0, rows - need + 1), random.randint(0, columns - need + 1)
    part = picture[top : top + need, left : left + need]
    part = np.rot90(part, random.randint(4))[:: random.choice([1, -1])]
    return cv2.resize(np.ascontiguousarray(part, dtype=np.float32), (side, side), interpolation=cv2.INTER_LINEAR)


def _ruler(random: RandomState, picture: np.ndarray, level: float) -> None:
    side = len(picture)
    x, step, drawn = random.randint(0, side), random.randint(4, 40), picture if random.rand() < 0.6 else picture.T
    for number, at in enumerate(range(random.randint(step), side, step)):
        long = int(random.randint(2, 5)) * (2 if number % 5 == 0 else 1)
        drawn[at, x : x + long] = level


def _straight(random: RandomState, picture: np.ndarray, level: float) -> None:
    for _ in range(random.randint(1, 8)):
        one, other = (tuple(int(each) for each in random.randint(-20, len(picture) + 20, 2)) for _ in range(2))
        cv2.line(picture, one, other, level, int(random.randint(1, 4)), cv2.LINE_AA)


def _graph(random: RandomState, picture: np.ndarray, level: float) -> None:
    x = np.arange(len(picture))
    period = random.uniform(8, 120)
    if random.rand() < 0.4:
        beat = np.sin(x / period * 2 * np.pi)
    else:
        beat = np.exp(-(((x % period) / period - 0.5) ** 2) * random.uniform(20, 900))
    y = (
        random.randint(0, len(picture))
        - random.uniform(3, 60) * beat
        + random.randn(len(x)) * random.choice([0, 0, 1, 3])
    )
    points = np.stack([x, y], -1).astype(np.int32)
    cv2.polylines(picture, [points], False, level, int(random.randint(1, 3)), cv2.LINE_AA)


def _marks(random: RandomState, picture: np.ndarray, level: float) -> None:
    for _ in range(random.randint(1, 6)):
        (x, y), arm = random.randint(0, len(picture), 2), int(random.randint(2, 8))
        cv2.drawMarker(picture, (int(x), int(y)), level, int(random.randint(7)), 2 * arm, 1)


def _dashes(random: RandomState, picture: np.ndarray, level: float) -> None:
    one, other = random.uniform(0, len(picture), (2, 2))
    for share in np.linspace(0, 1, random.randint(5, 60)):
        x, y = (one + (other - one) * share).astype(int)
        cv2.circle(picture, (int(x), int(y)), int(random.choice([0, 1, 1, 2])), level, -1)


def _vessels(random: RandomState, picture: np.ndarray, level: float) -> None:
    for _ in range(random.randint(1, 6)):
        path = np.cumsum(random.randn(40, 2) * 3 + random.randn(2) * 4, 0) + random.randint(0, len(picture), 2)
        cv2.polylines(picture, [path.astype(np.int32)], False, level, int(random.randint(1, 7)), cv2.LINE_AA)


def _grains(random: RandomState, picture: np.ndarray, level: float) -> None:
    for _ in range(random.randint(1, 60)):
        x, y = random.randint(0, len(picture), 2)
        cv2.circle(picture, (int(x), int(y)), int(random.randint(0, 4)), float(random.rand() * 1.1), -1)


def _pattern(random: RandomState, picture: np.ndarray, level: float) -> None:
    (top, left), (high, wide) = random.randint(0, len(picture), 2), random.randint(8, 160, 2)
    part = picture[top : top + high, left : left + wide]
    y, x = np.mgrid[: part.shape[0], : part.shape[1]]
    period = random.uniform(2, 20)
    if random.rand() < 0.5:
        part += level * (np.sin((x * random.rand() + y * random.rand()) * 2 * np.pi / period) > 0) - level / 2
    else:
        part += level * ((x // period + y // period) % 2 > 0) - level / 2


def _scale(random: RandomState, picture: np.ndarray, level: float) -> None:
    (top, left), long, thick = random.randint(0, len(picture), 2), random.randint(40, 200), random.randint(5, 24)
    high, wide = (long, thick) if random.rand() < 0.5 else (thick, long)
    part = picture[top : top + high, left : left + wide]
    part[:] = np.linspace(level, random.rand(), len(part), dtype=np.float32)[:, None]


CLUTTER = (_ruler, _straight, _graph, _marks, _dashes, _vessels, _grains, _pattern, _scale)


def _masked(random: RandomState, picture: np.ndarray) -> None:
    """Leave only a sector, a round field, or a part of the picture, on one level."""
    side = len(picture)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    kind = random.randint(4)
    if kind == 0:
        y0, x0 = random.uniform(-side, side / 2), random.uniform(0, side)
        far = np.hypot(y - y0, x - x0)
        wide = np.abs(np.arctan2(x - x0, y - y0)) < random.uniform(0.3, 1.0)
        keep = wide & (far < random.uniform(side * 0.5, side * 2))
    elif kind == 1:
        keep = np.hypot(y - random.uniform(0, side), x - random.uniform(0, side)) < random.uniform(0.3, 1) * side
    else:
        (top, bottom), (left, right) = np.sort(random.randint(-40, side + 40, (2, 2)), 1)
        keep = (y >= top) & (y < bottom) & (x >= left) & (x < right)
    picture[~keep] = random.choice([0, 0, 0, 1, random.rand()])


def _coloured(random: RandomState, grey: np.ndarray) -> np.ndarray:
    """Return a colour picture of a grey one: with flow, in one tint, in those of a scope, or with panels."""
    side = len(grey)
    out = np.repeat(grey[..., None], 3, 2)
    kind = random.randint(9)
    if kind >= 7:
        _streaming(random, out)
    elif kind >= 5:
        _powered(random, out)
    elif kind <= 1:
        flow = _smooth(random, side, random.uniform(6, 50)) * random.uniform(0.3, 1.5)
        flow = flow + random.randn(side, side) * random.choice([0, 0, 0.1, 0.4])
        if random.rand() < 0.3:
            flow = cv2.resize(flow[::3, ::3], (side, side), interpolation=cv2.INTER_NEAREST)
        strong = np.abs(flow).clip(0, 1)
        window = np.zeros((side, side), bool)
        (top, bottom), (left, right) = np.sort(random.randint(0, side, (2, 2)), 1)
        window[top : bottom + 60, left : right + 60] = True
        inside = window & (np.abs(flow) > random.uniform(0.05, 0.4))
        one, other = random.rand(2, 3) * [[1, 0.6, 0.2], [0.2, 0.6, 1]]
        colours = np.where((flow > 0)[..., None], one, other) * (0.3 + strong[..., None])
        out[inside] = colours[inside]
    elif kind == 2:
        out = out * random.uniform(0.3, 1, 3).astype(np.float32)
    elif kind == 3:
        out = out * np.array([1, 0.5, 0.4], np.float32) * random.uniform(0.8, 1.2, 3)
        out = out + 0.05 * _smooth(random, side, 9)[..., None]
    else:
        for _ in range(random.randint(2, 10)):
            top, left = random.randint(0, side, 2)
            out[top : top + random.randint(8, side), left : left + random.randint(8, side)] = random.rand(3)
    return out.astype(np.float32)


def _streaming(random: RandomState, picture: np.ndarray) -> None:
    """Draw colour Doppler in vessels: bands of red to yellow, or of blue to cyan, that hardly bend."""
    side = len(picture)
    along, across = np.meshgrid(np.arange(side), np.arange(side))
    for _ in range(random.randint(1, 4)):
        middle = random.uniform(0, side) + random.uniform(-0.4, 0.4) * along
        middle = middle + random.uniform(0, 20) * np.sin(along / random.uniform(20, 120) + random.uniform(0, 6))
        off = np.abs(across - middle) / random.uniform(6, 40)
        start, end = np.sort(random.uniform(-60, side + 60, 2))
        noise = random.uniform(0, 0.4) * _smooth(random, side, random.uniform(4, 60))
        level = (random.uniform(0.4, 1.4) * (1 - off**2) + noise).clip(0, 1)
        level[(off > 1) | (along < start) | (along > end + 40)] = 0
        if random.rand() < 0.4:
            level = cv2.resize(level[::2, ::2], (side, side), interpolation=cv2.INTER_NEAREST)
        level = (level if random.rand() < 0.7 else level.T)[..., None]
        colour = np.concatenate([0.3 + level, 1.3 * level - 0.3, 1.5 * level - 1.1], -1).clip(0, 1)
        colour = colour if random.rand() < 0.6 else colour[..., ::-1]
        picture[:] = np.where(level > random.uniform(0.02, 0.2), colour, picture)


def _powered(random: RandomState, picture: np.ndarray) -> None:
    """Draw power Doppler: twigs of vessels, from red over orange to yellow, in one or two windows."""
    side = len(picture)
    for _ in range(random.randint(1, 3)):
        noise = _smooth(random, side, random.uniform(5, 40)) + 0.4 * _smooth(random, side, random.uniform(3, 12))
        strong = (1 - np.abs(noise) / random.uniform(0.15, 0.7)).clip(0, 1)  # where noise changes its sign
        strong *= _smooth(random, side, random.uniform(20, 80)) > random.uniform(-1, 0.7)
        (top, bottom), (left, right) = np.sort(random.randint(0, side, (2, 2)), 1)
        place = slice(top, bottom + 60), slice(left, right + 60)
        level = strong[place][..., None]
        hot = np.concatenate([0.4 + level, 1.3 * level - 0.2, 1.5 * level - 1.1], -1).clip(0, 1)
        picture[place] = np.where(level > 0.05, hot, picture[place])
        if random.rand() < 0.5:
            cv2.rectangle(picture, (left, top), (right + 59, bottom + 59), (1.0, 1.0, 1.0), 1)


def backdrop(random: RandomState, side: int, slices: list[np.ndarray]) -> np.ndarray:
    """Return a picture without text (side, side) or (side, side, 3), about 0 to 1."""
    kind = random.choice(7, p=[0.28, 0.13, 0.07, 0.12, 0.1, 0.26, 0.04])
    makers = (_speckle, _fractal, _flat, _blobs, _panels)
    if kind < 5:
        picture = makers[kind](random, side)
    elif kind == 5:
        picture = _anatomy(random, side, slices) * random.uniform(0.5, 1.3) + random.uniform(-0.1, 0.2)
    else:
        picture = makers[random.randint(5)](random, side) * 0.6 + makers[random.randint(5)](random, side) * 0.4
    picture = np.ascontiguousarray(picture, dtype=np.float32)
    if random.rand() < 0.5:
        for _ in range(random.randint(0, 5)):
            CLUTTER[random.randint(len(CLUTTER))](random, picture, float(random.rand() * 1.1))
    if random.rand() < 0.35:
        _masked(random, picture)
    if random.rand() < 0.5:
        picture += random.randn(side, side).astype(np.float32) * 10 ** random.uniform(-3, -0.7)
    if random.rand() < 0.06:
        picture[random.rand(side, side) < 10 ** random.uniform(-4, -1.5)] = random.rand()
    if random.rand() < 0.15:
        picture = 1 - picture
    if random.rand() < 0.4:
        picture = _coloured(random, picture)
    return picture.clip(0, 1)
