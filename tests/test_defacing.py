"""The average face that reface lays over a head does not follow the head's own proportions."""

import numpy as np
import pytest

from safeshare import average_head, defacing
from safeshare.average_head import Fit


def fit(stretch):
    """A head that lies at 10, 20, 30 mm, unturned, and is stretched on its way to the average head."""
    numbers = np.array([0, 0, 0, 10, 20, 30, *stretch], float)
    matrix = np.diag([*np.exp(stretch), 1.0])
    matrix[:3, 3] = average_head.MIDDLE - matrix[:3, :3] @ numbers[3:6]
    return Fit(numbers, matrix, 1.0, 1.0)


@pytest.mark.parametrize("stretch", [(0.04, -0.06, 0.02), (-0.02, 0.05, 0.1), (-0.04, -0.04, -0.04)])
def test_heads_of_other_proportions_get_the_same_face(stretch):
    matrix, size = defacing._resized(fit(stretch))
    assert size == pytest.approx(1)
    assert matrix[:3, :3] == pytest.approx(np.eye(3))
    assert (matrix @ [10, 20, 30, 1])[:3] == pytest.approx(average_head.MIDDLE)


@pytest.mark.parametrize(("stretch", "size"), [(-0.11, np.exp(0.1)), (0.11, np.exp(-0.1)), (-0.21, np.exp(0.2))])
def test_much_larger_and_smaller_heads_get_the_next_size(stretch, size):
    matrix, found = defacing._resized(fit((stretch,) * 3))
    assert found == pytest.approx(size)
    assert matrix[:3, :3] == pytest.approx(np.eye(3) / size)


def test_the_skin_of_the_average_head_is_smooth_and_where_its_outline_is():
    depth, mean = defacing._skin_depth(), average_head.average()
    assert (np.sign(depth) == np.sign(mean.depth)).mean() > 0.99
    near = np.abs(mean.depth) < 6
    assert np.abs(depth - mean.depth)[near].mean() < 1
