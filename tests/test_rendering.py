"""A rendered head is seen from where it was asked for, upright and with left and right in place, in any scan."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from safeshare import faces, rendering, volume
from safeshare.volume import Volume

HEAD = Path(__file__).parents[1] / "data" / "head"
MIDDLE = np.array([12.0, -30.0, 80.0])  # of the ball, in mm in the patient
RADIUS = 50.0
OBLIQUE = Rotation.from_euler("xyz", [12, -9, 14], degrees=True).as_matrix()
GRIDS = {
    "even": (np.eye(3), (2, 2, 2)),
    "axial, thick slices": (np.eye(3), (1.5, 1.5, 5)),
    "sagittal, thick slices": (np.eye(3), (4, 1.5, 1.5)),
    "oblique": (OBLIQUE, (2, 2, 2)),
    "oblique, thick slices": (OBLIQUE.T, (1.5, 4, 2)),
    "fine": (np.eye(3), (0.5, 0.5, 2.5)),
}


def scan(balls, grid="even", modality="CT", half=70.0):
    """Return a scan of balls in air, each with its middle, its radius and its value; later ones cover earlier ones."""
    turn, spacing = GRIDS[grid]
    affine = np.eye(4)
    affine[:3, :3] = turn * spacing
    shape = np.ceil(2 * half / np.array(spacing)).astype(int)
    affine[:3, 3] = MIDDLE - affine[:3, :3] @ ((shape - 1) / 2)
    places = np.einsum("ij,j...->i...", affine[:3, :3], np.indices(shape)) + affine[:3, 3].reshape(3, 1, 1, 1)
    values = np.full(shape, -1000.0 if modality == "CT" else 0.0)
    for middle, radius, value in balls:
        gap = np.linalg.norm(places - np.reshape(middle, (3, 1, 1, 1)), axis=0) - radius
        share = np.clip(0.5 - gap / np.mean(spacing), 0, 1)  # how much of a voxel at the rim is in the ball
        values += share * (value - values)
    return Volume(np.round(values).astype(np.int16), affine, modality, ())


def head(grid="even", bump=None, **options):
    """Return a scan of a ball, with a smaller one on it in a direction: left, back and up."""
    balls = [(MIDDLE, RADIUS, 40)]
    if bump is not None:
        balls.append((tip(bump), 9, 40))
    return scan(balls, grid, **options)


def tip(direction):
    return MIDDLE + RADIUS * np.array(direction) / np.linalg.norm(direction)


def changed(grid, bump, yaw, pitch):
    """Return the middle of the pixels that a bump changes, as column and row, and how many there are."""
    with_it, without = head(grid, bump), head(grid)
    difference = np.abs(rendering.render(with_it, yaw, pitch) - rendering.render(without, yaw, pitch)) > 0.03
    return np.argwhere(difference).mean(0)[::-1], int(difference.sum())


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(
    ("bump", "yaw", "pitch"), [((0.5, -1, 0.6), 0, 0), ((-1, -0.6, -0.3), 50, 0), ((0.3, -0.5, 1), -20, -40)]
)
def test_what_sticks_out_is_seen_where_project_says(grid, bump, yaw, pitch):
    seen, pixels = changed(grid, bump, yaw, pitch)
    expected = rendering.project(head(grid), [tip(bump)], yaw, pitch)[0]
    assert pixels > 100
    assert np.linalg.norm(seen - expected) < 5  # of a bump that is about 30 pixels wide


@pytest.mark.parametrize(
    ("bump", "yaw", "pitch", "column", "row"),
    [
        ((1, -1, 0), 0, 0, 1, 0),  # on the patient's left, and so on the right of the picture
        ((-1, -1, 0), 0, 0, -1, 0),
        ((0, -1, 1), 0, 0, 0, -1),  # upright
        ((0, -1, 0), 45, 0, 1, 0),  # the nose turns to the patient's left,
        ((-1, 0, 0), 45, 0, -1, 0),  # and so the right side comes into view
        ((0, 1, 0), 135, 0, -1, 0),  # then the back of the head
        ((0, -1, 0), 0, 45, 0, -1),  # looking up
        ((0, 0, 1), 0, -45, 0, -1),  # looking down, so that the top comes into view
        ((-1, 0, 0), 90, 45, 0, -1),  # turned first, then tilted as the viewer sees it
    ],
)
def test_the_head_turns_to_its_left_and_looks_up(bump, yaw, pitch, column, row):
    expected = 127.5 + 256 * RADIUS / 140 * np.sqrt(0.5) * np.array([column, row])
    np.testing.assert_allclose(rendering.project(head(), [tip(bump)], yaw, pitch), [expected], atol=0.01)
    seen, _ = changed("even", bump, yaw, pitch)
    assert np.linalg.norm(seen - expected) < 4


def test_what_is_behind_the_head_is_not_seen():
    for bump, yaw in [((0, 1, 0), 0), ((-1, 0, 0), -90), ((0, -1, 0), 180)]:
        with_it = rendering.render(head(bump=bump), yaw)
        np.testing.assert_array_equal(with_it, rendering.render(head(), yaw))


def brought(picture, shown, other):
    """Return a picture of one scan as it would be taken with the grid of another."""
    places = MIDDLE + np.array([[0, 0, 0], [0, 0, -30], [30, 0, 0]])
    (start, down, right), (at, lower, aside) = (rendering.project(scan, places)[:, ::-1] for scan in (other, shown))
    matrix = np.stack([lower - at, aside - at], 1) @ np.linalg.inv(np.stack([down - start, right - start], 1))
    return ndimage.affine_transform(picture, matrix, at - matrix @ start, picture.shape, order=1)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_head_looks_the_same_however_it_was_acquired(grid):
    bump = (0.5, -1, 0.6)
    shown, other = head(grid, bump), head("even", bump)
    for yaw in (0, 35):
        picture, expected = rendering.render(shown, yaw), rendering.render(other, yaw)
        assert np.abs(brought(picture, shown, other) - expected).mean() < 0.02
        assert np.abs(expected[:, ::-1] - expected).mean() > 0.02  # a mirrored one would not pass


def test_the_sagittal_oblique_mr_of_the_patient_looks_like_the_ct():
    # Not the same: she lay some degrees otherwise, as data/build/head.py tells.
    ct, mr = volume.read(HEAD / "ct"), volume.read(HEAD / "mr")
    one, other = rendering.render(ct), brought(rendering.render(mr), mr, ct)
    (left, top), (right, bottom) = rendering.project(ct, [[-50, 0, 40], [50, 0, -60]]).astype(int)  # around the eyes
    face, same = one[top:bottom, left:right], other[top:bottom, left:right]
    assert (
        np.corrcoef(face.ravel(), same.ravel())[0, 1]
        > 0.8
        > 0.6
        > np.corrcoef(face.ravel(), same[:, ::-1].ravel())[0, 1]
    )


def test_the_rest_of_the_picture_stays_when_a_part_of_the_head_goes():
    whole, cut = head(bump=(0, -1, 0)), head()
    one, other = rendering.render(whole), rendering.render(cut)
    far = np.linalg.norm(np.indices(one.shape) - 127.5, axis=0) > 30
    np.testing.assert_allclose(one[far], other[far], atol=0.001)
    np.testing.assert_array_equal(rendering.project(whole, [MIDDLE]), rendering.project(cut, [MIDDLE]))


def test_a_higher_level_shows_what_lies_deeper():
    skull = scan([(MIDDLE, 50, 40), (MIDDLE, 30, 1000)])
    for level, radius in [(None, 50), (500, 30)]:
        picture = rendering.render(skull, level=level)
        assert (picture > 0).sum() == pytest.approx(np.pi * (radius * 256 / 140) ** 2, rel=0.03)
    surface = rendering.Surface(skull)
    np.testing.assert_array_equal(surface.at(500).picture(), rendering.render(skull, level=500))
    assert surface.level == faces.skin_level(skull)


def test_the_level_of_the_skin_is_found_in_mr():
    mr = scan([(MIDDLE, RADIUS, 300)], modality="MR")
    np.testing.assert_array_equal(rendering.render(mr), rendering.render(mr, level=faces.skin_level(mr)))
    assert rendering.render(mr)[128, 128] > 0.5 and rendering.render(mr)[5, 5] == 0


def test_the_lamp_lights_the_side_that_it_is_on():
    left, right = (rendering.render(head(), light=(side, 0, 0.3)) for side in (-1, 1))
    assert left[:, :128].mean() > 1.3 * left[:, 128:].mean()
    assert right[:, 128:].mean() > 1.3 * right[:, :128].mean()


def test_noise_in_the_air_is_not_drawn():
    clean = head()
    values = clean.values.copy()
    for place in range(4, 60, 12):
        values[place : place + 2, 2:4, place : place + 2] = 1000  # some voxels before the head
    np.testing.assert_array_equal(rendering.render(clean.with_values(values)) > 0, rendering.render(clean) > 0)


@pytest.mark.parametrize("size", [64, 101, 256])
def test_the_picture_has_the_size_and_range_that_were_asked_for(size):
    picture = rendering.render(head(), 20, 10, size=size)
    assert picture.shape == (size, size)
    assert picture.min() == 0 and 0.5 < picture.max() <= 1
    expected = rendering.project(head(), [MIDDLE], size=size)[0]
    np.testing.assert_allclose(ndimage.center_of_mass(picture > 0), expected[::-1], atol=1)


def test_a_scan_of_air_and_a_scan_without_air_can_be_drawn():
    air = scan([])
    assert not rendering.render(air).any()
    full = air.with_values(np.zeros_like(air.values))
    assert (rendering.render(full) > 0).mean() > 0.9
