"""Echoes of anatomy that does not exist: grey-scale, colour and spectral ultrasound from a few physical rules.

A picture starts as three maps over depth and scan line: how strongly tissue scatters, where smooth surfaces mirror the
pulse, and what is lost on the way.  Random scatterers make speckle: the pulse blurs their complex echoes, and the
screen shows the logarithm of the envelope (Burckhardt 1978, doi:10.1109/T-SU.1978.30978).  What is lost stays lost
for all that lies deeper: shadows behind stones, brightness behind fluid.

Lengths are in mm, levels in dB (0 is white, -60 black), velocities in cm/s.  Needs numpy and scipy.
"""

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates

RANGE = 60.0  # dB from black to white
SILENT = -90.0


# How echoes are made --------------------------------------------------------------------------------------------------


@dataclass
class Tissue:
    """What the pulse meets, over depth (rows) and scan lines (columns)."""

    scatter: np.ndarray  # dB
    mirror: np.ndarray  # dB, echoes of smooth surfaces
    loss: np.ndarray  # dB per mm beyond what the scanner makes up for; fluid loses less than it expects
    step: float  # from sample to sample, in mm
    pitch: np.ndarray | float  # from line to line, in mm

    @classmethod
    def of(cls, shape: tuple[int, int], level: float, step: float, pitch: np.ndarray | float) -> "Tissue":
        """Return even tissue."""
        return cls(np.full(shape, level), np.full(shape, SILENT), np.zeros(shape), step, pitch)

    def fill(self, where: np.ndarray, level: float | np.ndarray, loss: float = 0.0) -> None:
        """Fill a region, and forget what was there."""
        self.scatter = np.where(where, level, self.scatter)
        self.mirror = np.where(where, SILENT, self.mirror)
        self.loss = np.where(where, loss, self.loss)

    def surface(self, distance: np.ndarray, level: float | np.ndarray, width: float) -> None:
        """Add a smooth surface where the distance from it is zero; one along the beam sends nothing back."""
        down, across = np.gradient(distance)
        facing = np.abs(down / self.step) / np.maximum(np.hypot(down / self.step, across / self.pitch), 1e-6)
        level = level + 45 * np.log10(np.maximum(facing, 0.01))
        self.mirror = np.maximum(self.mirror, level - 8.7 * (distance / width) ** 2)


def scatterers(seed: int, shape: tuple[int, int]) -> np.ndarray:
    """Return the complex echoes of many small scatterers."""
    random = np.random.RandomState(seed)
    return (random.standard_normal(shape) + 1j * random.standard_normal(shape)) / np.sqrt(2)


def texture(seed: int, shape: tuple[int, int], down: float, across: float) -> np.ndarray:
    """Return smooth unevenness with a standard deviation of 1; the sizes are in samples."""
    field = gaussian_filter(np.random.RandomState(seed).standard_normal(shape), (down, across), mode="wrap")
    return field / field.std()


def blur(field: np.ndarray, sigma: float, axis: int) -> np.ndarray:
    """Blur, and keep the power of noise as it is."""
    real, imaginary = (gaussian_filter1d(part, sigma, axis=axis, mode="nearest") for part in (field.real, field.imag))
    return (real + 1j * imaginary) * np.sqrt(2 * np.sqrt(np.pi) * sigma)


def echoes(tissue: Tissue, noise: np.ndarray, axial: float, lateral: np.ndarray, floor: float = -64.0) -> np.ndarray:
    """Return the level of the envelope in dB.

    The pulse is `axial` samples long, and as wide as `lateral` says for each depth, in scan lines: narrow in the focus.
    Three looks with other speckle are averaged, as scanners do (spatial compounding).  The electronic noise at `floor`
    grows with depth, as the gain does.
    """
    contact = gaussian_filter1d(noise.real[:60].mean(axis=0), 3, mode="nearest")  # the skin couples unevenly
    gain = 10 ** ((1.3 * contact / contact.std() - np.cumsum(tissue.loss, axis=0) * tissue.step) / 20)
    surfaces = 10 ** ((tissue.mirror + 3 * texture(7, noise.shape, 2, 5)) / 20) * gain
    surfaces = gaussian_filter1d(gaussian_filter1d(surfaces, axial * 0.7, axis=0), 1.0, axis=1)
    widths = np.linspace(lateral.min(), lateral.max(), 5)
    position = np.interp(lateral, widths, np.arange(5))[:, np.newaxis]
    depth = np.linspace(0, 1, len(noise))[:, np.newaxis]
    power = np.zeros(noise.shape)
    for look in (0, 41, 83):
        speckle = np.roll(noise, look, axis=1)
        sharp = blur(speckle * 10 ** (tissue.scatter / 20) * gain, axial, 0)
        field = surfaces + blur(speckle[::-1], axial * 0.7, 0) * 10 ** ((floor + 12 * depth**2) / 20)
        for number, width in enumerate(widths):
            field = field + np.clip(1 - np.abs(position - number), 0, 1) * blur(sharp, width, 1)
        power += np.abs(field) ** 2 / 3
    return 10 * np.log10(power + 1e-12)


def grey(level: np.ndarray, steps: int = 256) -> np.ndarray:
    """Return levels in dB as grey values 0 to 255, in so many steps, along the S-curve that scanners use."""
    value = np.clip((level + RANGE) / RANGE, 0, 1)
    value = value**1.25 * (1 + 0.12 * np.sin(np.pi * value))
    return np.round(np.floor(np.round(np.clip(value, 0, 1) * steps, 3).clip(0, steps - 1)) * (255 / (steps - 1)))


def ellipse(x: np.ndarray, z: np.ndarray, centre: tuple, half: tuple, turn: float = 0) -> np.ndarray:
    """Return a signed distance from an ellipse, negative inside; `turn` in degrees, clockwise on screen."""
    angle = np.radians(turn)
    dx, dz = x - centre[0], z - centre[1]
    along, across = dx * np.cos(angle) + dz * np.sin(angle), dz * np.cos(angle) - dx * np.sin(angle)
    radius = np.hypot(along / half[0], across / half[1])
    slope = np.hypot(along / half[0] ** 2, across / half[1] ** 2) / np.maximum(radius, 1e-6)
    return (radius - 1) / np.maximum(slope, 1e-6)


def tube(x: np.ndarray, z: np.ndarray, points: list[tuple[float, float, float]]) -> np.ndarray:
    """Return the distance from the wall of a vessel bent through points (x, z, radius): negative inside."""
    points = CubicSpline(range(len(points)), points)(np.linspace(0, len(points) - 1, 6 * len(points)))
    result = np.full(np.broadcast(x, z).shape, 1e3)
    for (ax, az, ar), (bx, bz, br) in zip(points, points[1:], strict=False):
        length = (bx - ax) ** 2 + (bz - az) ** 2
        share = np.clip(((x - ax) * (bx - ax) + (z - az) * (bz - az)) / length, 0, 1)
        distance = np.hypot(x - ax - share * (bx - ax), z - az - share * (bz - az)) - ar - share * (br - ar)
        result = np.minimum(result, distance)
    return result


# The neck: a linear probe ---------------------------------------------------------------------------------------------

WIDTH, DEPTH = 38.0, 34.8  # of the picture of the neck
LINES, SAMPLES = 190, 348
SPACING = DEPTH / SAMPLES
PERIOD = 0.96  # seconds from one heartbeat to the next


def neck_grid() -> tuple[np.ndarray, np.ndarray]:
    """Return x and z of the samples."""
    z, x = np.mgrid[:SAMPLES, :LINES]
    return (x + 0.5) * (WIDTH / LINES), (z + 0.5) * SPACING


def neck_beam(focus: float) -> np.ndarray:
    """Return the width of the pulse in scan lines, for each depth."""
    depth = (np.arange(SAMPLES) + 0.5) * SPACING
    return 1.15 + 0.055 * np.abs(depth - focus)


def pulse(seconds: np.ndarray | float) -> np.ndarray:
    """Return the pulse wave, 0 (end of diastole) to 1 (systole)."""
    phase = np.mod(seconds, PERIOD)
    rise = np.clip(phase - 0.08, 0, None) / 0.09
    wave = rise**2 * np.exp(2 * (1 - rise)) * (rise > 0)
    notch = 0.34 * np.exp(-(((phase - 0.44) / 0.085) ** 2))
    run_off = 0.18 * np.exp(-np.clip(phase - 0.3, 0, None) / 0.3) * (phase > 0.3)
    return np.clip(wave + notch + run_off, 0, 1)


def superficial(tissue: Tissue, x: np.ndarray, z: np.ndarray, fascia: np.ndarray) -> None:
    """Add skin, fat with septa, and the neck's flat muscle, down to a deep fascia."""
    shape = z.shape
    wave = 0.35 * np.sin(x / 5.1 + 0.6) + 0.2 * np.sin(x / 1.9)
    strands = texture(11, shape, 2.2, 26)
    tissue.fill(z < fascia, -39 + 6.5 * strands)
    tissue.fill(z < 4.1 + wave, -31 + 4 * texture(12, shape, 3, 14))
    tissue.fill(z < 1.5, -17 + 2 * texture(13, shape, 2, 20))
    tissue.fill(z < 0.35, -7)
    for depth, level in ((1.55, -16), (2.7, -25), (3.3, -27)):
        tissue.surface(z - depth - wave * (depth / 4), level + 4 * texture(int(depth * 100), shape, 3, 14), 0.13)
    tissue.surface(z - 4.2 - wave, -15 + 3 * texture(14, shape, 3, 16), 0.18)
    tissue.surface(z - fascia, -13 + 3 * texture(15, shape, 3, 16), 0.2)


def vessel_shape(x: np.ndarray, swell: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the artery's middle, its radius and the plaque's height, all along x; the head lies on the left."""
    middle = 18.6 - 0.045 * (x - 19) + 0.25 * np.sin(x / 9)
    bulb = 1 / (1 + np.exp((x - 11.5) / 1.8))
    plaque = 2.7 * np.exp(-(np.abs((x - 12.6) / 3.9) ** 2.2)) * (1 + 0.07 * np.sin(2.1 * x) + 0.05 * np.sin(4.7 * x))
    return middle, 3.05 + 0.9 * bulb + swell, plaque


def carotid(seconds: float) -> np.ndarray:
    """Return the level of the echoes of a carotid artery cut lengthwise: its wall moves with the pulse."""
    x, z = neck_grid()
    swell = 0.3 * float(pulse(seconds))
    middle, radius, plaque = vessel_shape(x, swell)
    above, below = middle - radius - z, z - middle - radius
    # Tissue moves away from the swelling artery, less the further off it lies: look up where it was before.
    moved = z + np.where(above > -radius, swell * np.exp(-np.abs(above) / 6), 0) * (z < middle)
    moved -= 0.6 * swell * np.exp(-np.abs(below) / 6) * (z >= middle)

    tissue = Tissue.of(z.shape, -31.0, SPACING, WIDTH / LINES)
    tissue.scatter += 5 * texture(21, z.shape, 2.5, 20)
    superficial(tissue, x, moved, 9.0 + 0.04 * x)
    # The jugular vein, pressed flat by the probe.
    vein = ellipse(x, moved, (30, 12.6), (13.5, 1.55 - 0.25 * swell), -2)
    tissue.fill(vein < 0.45, -23)
    tissue.fill(vein < 0, -66, -0.1)
    tissue.surface(vein, -22, 0.14)
    # Deep of the artery: a muscle, its fascia, and the front of the vertebrae, which throws a shadow.
    deep = 27.6 + 0.5 * np.sin(x / 4.3) + 0.35 * np.sin(x / 1.7 + 1)
    tissue.fill(moved > 25.0 + 0.02 * x, -38 + 5 * texture(23, z.shape, 2, 22))
    tissue.surface(moved - 25.0 - 0.02 * x, -22 + 4 * texture(24, z.shape, 3, 12), 0.18)
    bone = moved - deep - 1.6
    tissue.fill(bone > 0, -44, 2.2)
    tissue.surface(bone, -14 + 8 * texture(25, z.shape, 3, 9), 0.3)
    # The wall: adventitia, media, intima, and blood within.
    tissue.fill((above < 1.5) & (below < 1.6), -21 + 3 * texture(26, z.shape, 2, 14))
    tissue.fill((above < 0.75) & (below < 0.85), -13 + 2 * texture(27, z.shape, 2, 9))
    tissue.fill((above < 0.05) & (below < 0.12), -40)
    inside = (above < -0.35) & (below < -0.4)
    haze = -50 - 9 * np.clip(-above, 0, 4) + 3 * texture(28, z.shape, 4, 14)
    tissue.fill(inside, np.maximum(haze, -68), -0.13)
    tissue.surface(above + 0.28, -21 + 2 * texture(29, z.shape, 2, 18), 0.12)
    tissue.surface(below + 0.32, -14 + 1.5 * texture(30, z.shape, 2, 18), 0.11)
    # The plaque grows from the far wall; its hard part throws a shadow.
    height = middle + radius - 0.3 - plaque
    inside_plaque = (z > height) & (below < -0.3) & (plaque > 0.2)
    tissue.fill(inside_plaque, -19 + 5 * texture(31, z.shape, 3, 4), 0.15)
    hard = inside_plaque & (ellipse(x, z, (12.2, 20.5), (1.7, 0.7)) < 0)
    tissue.fill(hard, -3, 7.5)
    tissue.surface(np.where(plaque > 0.35, z - height, 9), -17, 0.12)

    rows = moved / SPACING - 0.5
    columns = np.broadcast_to(np.arange(LINES, dtype=float), rows.shape)
    still = scatterers(41, (SAMPLES, LINES))
    noise = sum(
        unit * map_coordinates(part, (rows, columns), order=1, mode="nearest")
        for part, unit in ((still.real, 1), (still.imag, 1j))
    )
    blood = scatterers(int(seconds * 1000) + 1000, (SAMPLES, LINES))
    noise = np.where(inside & ~inside_plaque | (vein < 0), blood, noise)
    return echoes(tissue, noise, 1.0, neck_beam(18))


def carotid_flow(seconds: float, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the velocity of blood along the beam, positive towards the probe; not a number where none flows.

    The profile is a parabola; what flows in flows out, so it is fast in the stenosis and turns round behind it.
    """
    wave = float(pulse(seconds))
    middle, radius, plaque = vessel_shape(x, 0.3 * wave)
    top, bottom = middle - radius + 0.35, middle + radius - 0.35 - plaque
    half = (bottom - top) / 2
    across = (z - (top + bottom) / 2) / half
    fastest = (10 + 26 * wave) * np.minimum((2.9 / half) ** 2, 4)
    velocity = fastest * (1 - across**2)
    eddy = np.exp(-(((x - 6.5) / 3.0) ** 2)) * np.clip(across - 0.05, 0, 1) * (13 + 30 * wave)
    velocity = np.where(np.abs(across) < 1, velocity - eddy, np.nan)
    vein = ellipse(x, z, (30, 12.6), (13.0, 1.2), -2)
    return np.where(vein < 0, -(9 + 4 * (1 - wave)) * np.clip(-vein, 0, 1), velocity)


def spectrum(columns: int, rows: int, seconds: float, lowest: float, highest: float) -> np.ndarray:
    """Return a spectral Doppler trace in the stenosis in dB: velocity from top to bottom, time to the right."""
    time = np.linspace(0, seconds, columns)
    velocity = np.linspace(highest, lowest, rows)[:, np.newaxis]
    peak = 38 + 112 * gaussian_filter1d(pulse(time + 0.55), 3)
    peak = peak * (1 + 0.02 * texture(51, (1, columns), 0.1, 5)[0])
    share = velocity / peak
    power = np.where(share > 0, -19 + 14 * np.clip(share, 0, 1) ** 2, -38 - 60 * np.abs(share))
    power = power - 62 / (1 + np.exp(-(share - 1) * 26))
    power = np.where(np.abs(velocity) < 5, -70, power)  # the wall filter
    grain = scatterers(52, (rows, columns))
    grain = np.abs(blur(blur(grain, 1.3, 0), 0.9, 1))
    return np.maximum(power, -66) + 20 * np.log10(grain + 1e-3)


def thyroid() -> np.ndarray:
    """Return the level of the echoes of a neck cut across: left thyroid lobe with a nodule, artery, vein, windpipe."""
    x, z = neck_grid()
    shape = z.shape
    tissue = Tissue.of(shape, -30.0, SPACING, WIDTH / LINES)
    tissue.scatter += 4 * texture(61, shape, 3, 10)
    superficial(tissue, x, z, 7.2 + 0.25 * np.sin(x / 6))
    strands = texture(62, shape, 2, 16)
    for centre, half, turn in (((12, 9.3), (12, 2.0), 4), ((31, 9.0), (13, 2.9), -3)):  # strap muscles
        muscle = ellipse(x, z, centre, half, turn)
        tissue.fill(muscle < 0, -40 + 6 * strands)
        tissue.surface(muscle, -20 + 3 * texture(63, shape, 3, 10), 0.16)
    tissue.fill(z > 25.5, -39 + 6 * texture(64, shape, 2, 18))  # the muscle before the spine
    tissue.surface(z - 25.5 - 0.4 * np.sin(x / 5), -19 + 4 * texture(65, shape, 3, 12), 0.2)
    lobe = np.minimum(
        ellipse(x, z, (16.6, 17.2), (7.0, 6.6), -12), ellipse(x, z, (6, 12.7), (9, 1.9), 8)
    ) + 0.45 * texture(73, shape, 24, 14)
    tissue.fill(lobe < 0, -19.5 + 1.3 * texture(66, shape, 4, 4))
    tissue.surface(lobe, -17 + 3 * texture(67, shape, 3, 8), 0.13)
    wobble = texture(72, shape, 14, 9)
    nodule = ellipse(x, z, (16.2, 18.2), (3.9, 3.1), 10) + 0.3 * wobble
    tissue.fill(nodule < 0.35, -34)
    tissue.fill(nodule < 0, -26.5 + 3 * texture(68, shape, 3, 3))
    for spot in ((15.2, 17.4), (17.0, 19.1), (17.6, 17.3)):
        tissue.fill(np.hypot(x - spot[0], 1.6 * (z - spot[1])) < 0.25, -12, 0.8)
    for centre, half, wall in (((27.6, 17.4), (3.5, 3.4), -12), ((35.5, 14.2), (4.6, 2.9), -20)):
        vessel = ellipse(x, z, centre, half) + 0.22 * wobble
        tissue.fill(vessel < 0.55 + 0.3 * wobble, wall - 5)
        tissue.fill(vessel < 0, -52 - 5 * np.clip(-vessel, 0, 3), -0.2)
        tissue.surface(vessel, wall - 2, 0.15)
    trachea = ellipse(x, z, (-1.5, 23.0), (10.3, 8.6))
    tissue.fill(trachea < 0.9, -37)
    inside = -trachea
    ringing = -34 - 3.8 * inside + 4 * np.cos(2 * np.pi * inside / 1.9) + 3 * texture(74, shape, 3, 8)
    tissue.fill(trachea < 0, np.where(inside > 0.2, ringing, -30), 0.5)
    tissue.surface(trachea, -9 + 5 * texture(69, shape, 3, 9), 0.28)
    bone = z - 30.5 - 0.05 * (x - 22) ** 2
    tissue.fill(bone > 0, -46, 2.5)
    tissue.surface(bone, -13 + 6 * texture(70, shape, 3, 8), 0.3)
    return echoes(tissue, scatterers(71, shape), 1.0, neck_beam(16))


# The abdomen: a curved probe ------------------------------------------------------------------------------------------

RADIUS, OPENING = 52.0, 34.0  # of the curved probe, and half of its field in degrees
FAN_LINES, FAN_SAMPLES = 288, 760


def fan(depth: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x, z and the distance from the probe, over depth and scan line of the curved probe."""
    distance = (np.arange(FAN_SAMPLES)[:, np.newaxis] + 0.5) * (depth / FAN_SAMPLES)
    angle = np.radians(np.linspace(-OPENING, OPENING, FAN_LINES))[np.newaxis, :]
    x, z = (RADIUS + distance) * np.sin(angle), (RADIUS + distance) * np.cos(angle) - RADIUS
    return x, z, distance + np.zeros_like(angle)


def fan_pitch(distance: np.ndarray) -> np.ndarray:
    """Return the distance of neighbouring lines of the curved probe."""
    return (RADIUS + distance) * np.radians(2 * OPENING / (FAN_LINES - 1))


def fan_beam(depth: float, focus: float) -> np.ndarray:
    """Return the width of the pulse in scan lines of the curved probe, for each depth."""
    distance = np.linspace(0, depth, FAN_SAMPLES)
    return 1.05 + 0.011 * np.abs(distance - focus)


def scan_convert(level: np.ndarray, depth: float, rows: int, columns: int, spacing: float, top: float) -> np.ndarray:
    """Return the fan as the screen shows it; the probe's middle lies `top` pixels below the upper rim."""
    row, column = np.mgrid[:rows, :columns]
    x, z = (column - columns / 2 + 0.5) * spacing, (row - top) * spacing + RADIUS
    sample = (np.hypot(x, z) - RADIUS) * (FAN_SAMPLES / depth)
    line = (np.degrees(np.arctan2(x, z)) / OPENING + 1) / 2 * (FAN_LINES - 1)
    inside = (sample >= 0) & (sample < FAN_SAMPLES) & (line >= 0) & (line <= FAN_LINES - 1)
    return np.where(inside, map_coordinates(level, (sample, line), order=1, mode="nearest"), SILENT)


def belly_wall(tissue: Tissue, distance: np.ndarray, thickness: float) -> None:
    """Add skin, fat and muscle, which follow the curve of the probe that presses on them."""
    shape = distance.shape
    tissue.fill(distance < thickness, -37 + 5 * texture(81, shape, 3, 30))
    tissue.fill(distance < thickness * 0.55, -29 + 5 * texture(82, shape, 4, 22))
    tissue.fill(distance < 2.2, -14)
    for share, level in ((0.3, -24), (0.55, -14), (0.75, -20), (1.0, -13)):
        wave = 0.5 * texture(int(share * 100), shape, 60, 34)
        tissue.surface(distance - thickness * share - wave, level + 4 * texture(83, shape, 8, 14), 0.45)


def liver_vessels(tissue: Tissue, x: np.ndarray, z: np.ndarray, where: np.ndarray, portal: list, hepatic: list) -> None:
    """Add portal veins with bright walls, and hepatic veins without."""
    for points in portal:
        wall = np.where(where, tube(x, z, points), 99)
        tissue.fill(wall < 1.2, -17)
        tissue.fill(wall < 0, -50, -0.03)
        tissue.surface(wall - 0.3, -19, 0.5)
    for points in hepatic:
        wall = np.where(where, tube(x, z, points), 99)
        tissue.fill(wall < 0, -50, -0.03)


def kidney() -> np.ndarray:
    """Return the level of the echoes of a liver and a right kidney with a stone, cut lengthwise; 150 mm deep."""
    x, z, distance = fan(150)
    shape = z.shape
    uneven = texture(91, shape, 22, 14)
    tissue = Tissue.of(shape, -33.0, 150 / FAN_SAMPLES, fan_pitch(distance))
    tissue.scatter += 5 * texture(92, shape, 5, 16)
    liver = (ellipse(x, z, (-28, 52), (84, 62), 16) < 0) & (x < 62 - 0.2 * z)
    tissue.fill(liver, -24.5 + 1.4 * uneven)
    liver_vessels(
        tissue,
        x,
        z,
        liver,
        [
            [(-62, 62, 2.2), (-38, 54, 3.6), (-10, 52, 2.2)],
            [(-20, 36, 1.2), (-4, 33, 2.1), (14, 36, 1.2)],
        ],
        [[(-70, 88, 4.2), (-44, 80, 3.4), (-26, 72, 2.0)], [(-38, 33, 1.0), (-54, 44, 1.9), (-68, 60, 2.6)]],
    )
    diaphragm = np.hypot(x + 8, z - 26) - 90 + 1.5 * texture(93, shape, 30, 26)
    beyond = (diaphragm > 0) & (x < 4)
    tissue.fill(beyond, -39 + 3 * uneven - 0.35 * np.clip(diaphragm, 0, 60), 0.05)
    tissue.surface(
        np.where(x < 4, diaphragm, 99), -8 + 4 * texture(94, shape, 20, 10) - 0.25 * np.clip(x + 12, 0, 30), 0.9
    )

    organ = ellipse(x, z, (30, 84), (53, 23.5), 14) + 0.9 * texture(95, shape, 40, 20)
    tissue.fill(organ < 3.2 + 1.8 * uneven, -20 + 3 * uneven)  # the fat around it
    tissue.fill(organ < 0, -30.5 + 1.2 * uneven)
    tissue.surface(organ, -15 + 4 * texture(96, shape, 20, 12), 0.5)
    sinus = ellipse(x, z, (32, 85), (29, 8.0), 14) + 2.2 * texture(97, shape, 14, 9)
    angle = np.radians(14)
    for along, side in (
        (-36, 0),
        (-25, -0.8),
        (-9, -1),
        (9, -1),
        (25, -0.85),
        (-22, 0.85),
        (-5, 1),
        (13, 1),
        (29, 0.75),
    ):
        cx = 31 + along * np.cos(angle) - side * 14.6 * np.sin(angle)
        cz = 84.5 + along * np.sin(angle) + side * 14.6 * np.cos(angle)
        tissue.fill(ellipse(x, z, (cx, cz), (5.6, 4.3), 14) + 0.7 * uneven < 0, -38.5)
    tissue.fill(sinus < 0, -15.5 + 5 * texture(98, shape, 5, 5))
    for spot in ((20, 82, 2.0), (40, 87, 1.6)):
        tissue.fill(np.hypot((x - spot[0]) / 2, z - spot[1]) < spot[2], -47)
    stone = ellipse(x, z, (51, 93), (3.2, 2.4))
    tissue.fill(stone < 0, -2, 9.0)

    deep = ellipse(x, z, (52, 141), (80, 26), 6)
    tissue.fill(deep < 0, -40 + 6 * texture(99, shape, 3, 26))
    tissue.surface(np.where(x < 60, deep, 99), -27 + 5 * texture(100, shape, 10, 14), 0.6)
    gas = ellipse(x, z, (86, 70), (22, 20), 0) + 2 * texture(101, shape, 20, 14)
    tissue.fill(gas < 0, -22 - 0.8 * np.clip(-gas, 0, 40) + 5 * texture(102, shape, 3, 12), 0.5)
    tissue.surface(np.where(z < 72, gas, 99), -7 + 5 * texture(103, shape, 12, 8), 1.0)
    belly_wall(tissue, distance, 19)
    tissue.scatter -= 0.05 * np.clip(distance - 95, 0, None)
    return echoes(tissue, scatterers(104, shape), 1.5, fan_beam(150, 80))


def gallbladder() -> np.ndarray:
    """Return the level of the echoes of a gallbladder with a stone, and its shadow; 120 mm deep."""
    x, z, distance = fan(120)
    shape = z.shape
    uneven = texture(111, shape, 22, 14)
    tissue = Tissue.of(shape, -30.0, 120 / FAN_SAMPLES, fan_pitch(distance))
    tissue.scatter += 5 * texture(112, shape, 5, 16)
    liver = ellipse(x, z, (-20, 40), (76, 58), 6) + 2 * texture(113, shape, 40, 24) < 0
    tissue.fill(liver, -23 + 1.3 * uneven)
    liver_vessels(
        tissue,
        x,
        z,
        liver,
        [
            [(-58, 70, 1.8), (-42, 64, 3.2), (-20, 74, 4.4), (2, 84, 4.0)],
            [(-46, 34, 1.0), (-34, 40, 1.8), (-20, 38, 1.0)],
        ],
        [[(-70, 46, 2.8), (-52, 52, 1.9), (-40, 50, 1.0)]],
    )
    bladder = np.minimum(
        ellipse(x, z, (14, 58), (27, 11.5), 24), ellipse(x, z, (-10, 47), (12, 5.2), 28)
    ) + 0.7 * texture(114, shape, 50, 30)
    tissue.fill(bladder < 2.2, -19 + 2 * uneven)
    tissue.fill(bladder < 0, np.maximum(-48 - 3 * np.clip(-bladder - 0.5, 0, 9), -66), -0.24)
    tissue.surface(bladder - 2.2, -22 + 3 * texture(115, shape, 20, 12), 0.5)
    tissue.surface(bladder, -17 + 3 * texture(116, shape, 20, 12), 0.45)
    for centre, half in (((20.5, 66.0), (5.6, 4.4)), ((30.5, 69.0), (2.6, 2.2))):
        stone = ellipse(x, z, centre, half, 20) + 0.3 * uneven
        tissue.fill(stone < 0, -3 - 2.5 * np.clip(-stone, 0, 5), 5.5)
        tissue.surface(np.where(z < centre[1], stone, 99), -4, 0.6)
    gas = ellipse(x, z, (64, 66), (17, 17), 0) + 2.4 * texture(117, shape, 20, 14)
    tissue.fill(gas < 0, -22 - 0.8 * np.clip(-gas, 0, 40) + 5 * texture(118, shape, 3, 12), 0.5)
    tissue.surface(np.where(z < 68, gas, 99), -8 + 5 * texture(119, shape, 12, 8), 1.0)
    deep = ellipse(x, z, (0, 128), (96, 26), 0)
    tissue.fill(deep < 0, -38 + 6 * texture(120, shape, 3, 24))
    tissue.surface(deep, -14 + 6 * texture(121, shape, 10, 14), 0.8)
    belly_wall(tissue, distance, 16)
    return echoes(tissue, scatterers(122, shape), 1.7, fan_beam(120, 60))
