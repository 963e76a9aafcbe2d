"""A synthetic head: the same each time, physical values where anatomy wants them, a brain inside its skull."""

import numpy as np
import pytest
from scipy import ndimage

SPACING = 3.0
# Where to look, in mm from between the eyes (left, front, up), and the Hounsfield units that are found there in people.
PLACES = {
    "vitreous": ((30, 1, 0), 4, np.median, (-10, 30)),
    "maxillary sinus": ((27, -13, -29), 4, np.median, (-1050, -850)),
    "sphenoid sinus": ((8, -44, -10), 9, np.min, (-1050, -700)),
    "petrous bone": ((38, -74, -20), 9, np.max, (800, 2000)),
    "lateral ventricles": ((0, -60, 42), 20, lambda values: np.percentile(values, 1), (0, 22)),
    "brain": ((35, -80, 45), 12, np.median, (26, 42)),
    "throat": ((0, -62, -68), 9, np.min, (-1050, -700)),
    "teeth": ((0, 15, -60), 9, np.max, (1800, 3071)),
    "vertebra": ((0, -91, -94), 8, np.max, (300, 1600)),
    "fat of the orbit": ((27, -17, 0), 9, np.min, (-130, -60)),
    "vertex": ((0, -60, 100), 16, np.max, (700, 1900)),
}


@pytest.fixture(scope="module")
def phantom(builder):
    return builder("phantom")


@pytest.fixture(scope="module")
def modalities(builder, phantom):
    return builder("modalities")


@pytest.fixture(scope="module")
def weights(builder, phantom):
    people = builder("people")
    return {person.id: people.head_weights(person) for person in people.CAST}


@pytest.fixture(scope="module")
def ada(phantom, weights):
    return phantom.head(weights["ada"], SPACING, seed=7)


def near(head, volume, place, reach):
    """The values of a volume within `reach` mm of a place."""
    x, y, z = head.coordinates()
    return volume[(x - place[0]) ** 2 + (y - place[1]) ** 2 + (z - place[2]) ** 2 <= reach**2]


def test_a_seed_makes_the_same_bytes_and_another_seed_makes_another_inside(phantom, modalities, weights, ada):
    again, other = (phantom.head(weights["ada"], SPACING, seed) for seed in (7, 8))
    for scan in (modalities.ct, modalities.t1, modalities.pet):
        assert scan(ada, 7).tobytes() == scan(again, 7).tobytes()
        assert scan(ada, 7).tobytes() != scan(ada, 8).tobytes(), "the noise does not follow its seed"
    assert np.array_equal(ada.skin, other.skin)
    assert not np.array_equal(ada.share("grey"), other.share("grey"))


@pytest.mark.parametrize("who", ["ada", "yuki"])
def test_hounsfield_units_are_those_of_the_place(phantom, modalities, weights, ada, who):
    head = ada if who == "ada" else phantom.head(weights[who], SPACING, seed=1)
    volume = modalities.ct(head, noise=0.0)
    assert volume.dtype == np.int16
    for name, (place, reach, statistic, (low, high)) in PLACES.items():
        for side in (1, -1):
            found = statistic(near(head, volume, (place[0] * side, *place[1:]), reach))
            assert low <= found <= high, f"{name} of {who}, side {side}: {found:.0f} HU"
    assert not head.skin[:, -3:].any(), "no air in front of the nose"
    assert not head.skin[:, :, -2:].any(), "no air above the head"


def test_tissues_differ_in_mr_and_pet_as_they_do_in_people(modalities, ada):
    mr, pet = modalities.t1(ada, noise=0.0), modalities.pet(ada, noise=0.0)
    assert (mr.dtype, pet.dtype) == (np.uint16, np.float32)

    def of(volume, *tissues):
        return np.median(volume[ndimage.binary_erosion(ada.share(*tissues) > 0.8)])

    bone, air = of(mr, "bone", "thin bone", "sponge"), np.median(mr[ada.skin == 0])
    assert air < 20 < of(mr, "vitreous") < of(mr, "muscle") < of(mr, "grey") < of(mr, "white") < of(mr, "fat") < 1200
    assert bone < of(mr, "fat")
    near_brain = near(ada, pet, (0, -70, 40), 60)
    assert 6 < np.percentile(near_brain, 95) < 12  # SUV of grey matter
    assert 2 < of(pet, "white") < 6 < of(pet, "grey") + 2
    assert 0.2 < of(pet, "muscle") < 1.5
    assert np.median(pet[ada.skin == 0]) < 0.05


def test_the_brain_lies_inside_its_skull(ada):
    brain = ada.brain
    millilitres = brain.sum() * SPACING**3 / 1000
    assert 800 < millilitres < 1700
    assert ada.depth[brain].min() > 7, "the brain comes too close to the skin"
    around = ndimage.binary_dilation(brain) & ~brain
    assert ada.share("skin", "muscle")[around].max() < 0.5, "the brain touches skin or muscle"
    assert (ada.share("air", "fat")[around] > 0.5).mean() < 0.004, "the brain touches the sinuses or the orbits"
    # Seen from inside, bone must be met within 14 mm of the brain almost everywhere but at the foramen magnum.
    rim = around & (ada.coordinates()[2] > -20)
    to_bone = ndimage.distance_transform_edt(~(ada.share("bone", "thin bone", "sponge", "suture") > 0.3)) * SPACING
    assert np.percentile(to_bone[rim], 99) < 14
    assert not (ada.skull & brain).any()
    assert not (ada.globes & brain).any()


def test_both_globes_lie_at_the_eyes_and_left_is_left(ada):
    left, right = ada.eyes
    assert left[0] > 0 > right[0]
    labels, count = ndimage.label(ada.globes)
    assert count == 2
    centres = [ada.origin + SPACING * np.array(c) for c in ndimage.center_of_mass(ada.globes, labels, [1, 2])]
    for eye in (left, right):
        assert min(np.linalg.norm(eye - centre) for centre in centres) < 3
    assert np.allclose(ada.affine @ [1, 2, 3, 1], [*(ada.origin + SPACING * np.array([1, 2, 3])), 1])


def test_left_and_right_are_no_mirror_images(ada):
    """The maps of the brain are the same on both sides; with neither twist nor bends 0.87 would lie opposite itself."""
    opposite = -2 * ada.origin[0] / SPACING - np.arange(ada.skin.shape[0])
    places = np.meshgrid(opposite, *(np.arange(n) for n in ada.skin.shape[1:]), indexing="ij")
    for tissue in ("grey", "white"):
        share = ada.share(tissue)
        both = np.minimum(share, ndimage.map_coordinates(share, places, order=1)).sum() / share.sum()
        assert 0.5 < both < 0.8, f"{tissue}: {both:.2f} of it lies opposite to itself"


def test_the_surface_of_the_ct_is_the_person(builder, phantom, modalities, weights, ada):
    """No mouth, nostril or seam may open the skin: the face is what the lesson is about."""
    people = builder("people")
    mesh = people.head_mesh(weights["ada"])
    middle = sum((mesh[eye].vertices.min(0) + mesh[eye].vertices.max(0)) / 4 for eye in ("left eye", "right eye"))
    skin = people.Surface(mesh["skin"].vertices - middle, mesh["skin"].quads)
    wanted = people.fill(skin, ada.origin, ada.skin.shape, SPACING) > 0.5
    found = modalities.ct(ada, noise=0.0) > -500
    face = np.broadcast_to((ada.coordinates()[1] > -40) & (ada.coordinates()[2] > -110), found.shape)
    outline = wanted & ~ndimage.binary_erosion(wanted) & face
    assert (found & outline).sum() > 0.985 * outline.sum()
    beyond = ~ndimage.binary_dilation(wanted, iterations=2) & face  # the corneas stand out by a voxel
    assert not (found & beyond).any()


def test_every_tissue_of_the_table_is_in_the_head(modalities, ada):
    assert {layer.tissue for layer in ada.layers} == set(modalities.TISSUES)


def test_resampling_keeps_the_place_of_the_border_and_the_values(modalities):
    places = np.arange(60, dtype=np.float32) + 0.5  # voxel middles, mm from the border of the first voxel
    ramp = np.broadcast_to(places[:, None, None], (60, 12, 12)).astype(np.float32)
    coarse = modalities.resample(ramp, 1.0, (1.5, 2.0, 3.0))
    assert coarse.shape == (40, 6, 4)
    assert np.allclose(coarse[3:-3, 2, 2], 1.5 * (np.arange(40) + 0.5)[3:-3], atol=0.02)
