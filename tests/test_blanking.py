"""Blanking changes the pixels inside the mask and nothing else, in every format that pixels come in."""

import copy
import tracemalloc

import burned_in
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from safeshare import Refused, blanking, decoding
from safeshare.blanking import Box

LOSSY = {"JPEG colour", "JPEG grey", "JPEG 2000 lossy"}


def values(dataset, raw=True):
    """Return the samples as (frames, rows, columns, samples), as they are stored unless ``raw`` is false."""
    return pixel_array(dataset, raw=raw).reshape(*decoding.size(dataset), -1)


def shown(dataset):
    """Return brightness as a viewer shows it."""
    picture = values(dataset, raw=False).astype(float)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        picture = apply_color_lut(values(dataset)[..., 0], dataset).astype(float)
    return picture.mean(-1) * (-1 if dataset.PhotometricInterpretation == "MONOCHROME1" else 1)


def made(name, frames=2, rows=37, columns=54):
    """Return a data set in a format, of a shape that leaves odd lengths behind, with values of all sizes in it."""
    rng = np.random.default_rng(3)
    smooth = np.cumsum(rng.normal(0, 0.1, (frames, rows, columns, 3)), axis=2)
    smooth = (smooth - smooth.min()) / (smooth.max() - smooth.min())
    return burned_in.as_read(burned_in.FORMATS[name](smooth))


@pytest.mark.parametrize("name", burned_in.FORMATS)
@pytest.mark.parametrize("frames", [1, 3])
def test_only_what_is_inside_changes_and_that_is_darkest(name, frames):
    dataset = made(name, frames)
    untouched = copy.deepcopy(dataset)
    odd = 0 if name == "YBR 4:2:2" else 1  # where bytes sit swapped in words, only odd boxes tell
    where = blanking.mask(dataset, [Box(4 + odd, 3, 20, 11, frames - 1), Box(40, 30, 54 - odd, 37, 0)])
    blank = burned_in.as_read(blanking.blank(dataset, where))
    assert dataset == untouched
    assert blank.file_meta.TransferSyntaxUID.is_encapsulated or len(blank.PixelData) % 2 == 0
    for raw in (True, False):
        assert np.array_equal(values(blank, raw)[~where], values(dataset, raw)[~where]), "a pixel outside changed"
    for frame, inside in enumerate(where):
        if inside.any():
            assert len(np.unique(values(blank)[frame][inside], axis=0)) == 1
            assert shown(blank)[frame][inside].max() <= shown(dataset)[frame].min() + 2
    kept = "JPEG 2000" not in name and name not in LOSSY
    assert not kept or blank.file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("grey 8", [0]),
        ("inverse 8", [255]),
        ("signed 16", [-32768]),
        ("big endian signed 12", [-2048]),
        ("YBR", [0, 128, 128]),
        ("YBR planar", [0, 128, 128]),
        ("RLE YBR", [0, 128, 128]),
        ("JPEG colour", [0, 128, 128]),
        ("RGB planar", [0, 0, 0]),
    ],
)
def test_the_stored_value_of_darkness(name, stored):
    dataset = made(name)
    rows = np.linspace(0, 1, 256).repeat(2).reshape(1, 16, 32, 1).repeat(3, 3)
    dataset = burned_in.as_read(burned_in.FORMATS[name](rows))
    blank = blanking.blank(dataset, blanking.mask(dataset, [Box(2, 2, 8, 8)]))
    assert values(blank)[0, 4, 4].tolist() == stored


def test_fill_is_stored_as_given():
    dataset = made("RGB planar")
    blank = blanking.blank(dataset, blanking.mask(dataset, [Box(2, 2, 8, 8)]), fill=(9, 8, 7))
    assert values(blank)[0, 4, 4].tolist() == [9, 8, 7]


@pytest.mark.parametrize("name", ["RGB planar", "big endian RGB", "big endian 8", "YBR 4:2:2", "1 bit", "grey 32"])
def test_bytes_of_uncompressed_pixels_stay_where_they_are(name):
    dataset = made(name)
    blank = blanking.blank(dataset, blanking.mask(dataset, [Box(4, 3, 20, 11)]))
    before, after = (np.frombuffer(each.PixelData, np.uint8) for each in (dataset, blank))
    assert len(before) == len(after)
    bits = dataset.BitsAllocated * dataset.SamplesPerPixel * 16 * 8 * decoding.size(dataset)[0]
    assert 0 < (before != after).sum() <= max(bits // 8, 16 * 8 * 2)
    assert blank.get("PlanarConfiguration") == dataset.get("PlanarConfiguration")
    assert blank.PhotometricInterpretation == dataset.PhotometricInterpretation


def test_neighbours_that_share_their_colour_go_together():
    dataset = made("YBR 4:2:2")
    blank = blanking.blank(dataset, blanking.mask(dataset, [Box(5, 3, 20, 11)]))
    before, after = values(dataset, False), values(blank, False)
    assert after[0, 5, 4].tolist() == [0, 0, 0], "the colour of pixel 5 is stored with pixel 4"
    assert np.array_equal(after[:, :, :4], before[:, :, :4])


def test_frames_without_anything_to_blank_keep_their_bytes():
    dataset = made("RLE RGB", frames=3)
    blank = blanking.blank(dataset, blanking.mask(dataset, [Box(4, 3, 20, 11, 1)]))
    before, after = (list(generate_frames(each.PixelData, number_of_frames=3)) for each in (dataset, blank))
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]


def test_a_large_offset_table_that_would_no_longer_fit_is_gone():
    dataset = made("RLE RGB", frames=3)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=3))
    dataset.PixelData, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    blank = burned_in.as_read(blanking.blank(dataset, blanking.mask(dataset, [Box(4, 3, 20, 11)])))
    assert "ExtendedOffsetTable" not in blank
    assert "ExtendedOffsetTableLengths" not in blank
    assert np.array_equal(values(blank)[:, 12:], values(dataset)[:, 12:])


@pytest.mark.parametrize("name", ["JPEG colour", "JPEG grey"])
def test_lossy_frames_are_decoded_once_and_said_to_be_lossy_still(name):
    dataset = made(name, frames=3)
    del dataset.LossyImageCompression
    blank = blanking.blank(dataset, blanking.mask(dataset, [Box(4, 3, 20, 11, 0)]))
    assert blank.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert blank.LossyImageCompression == "01"
    assert blank.LossyImageCompressionMethod == "ISO_10918_1"
    raw = 3 * 37 * 54 * (3 if name == "JPEG colour" else 1)
    assert float(blank.LossyImageCompressionRatio) == pytest.approx(raw / len(dataset.PixelData), rel=1e-3)
    assert blank.PhotometricInterpretation == ("YBR_FULL" if name == "JPEG colour" else "MONOCHROME2")
    assert np.array_equal(values(blank, False)[1:], values(dataset, False)[1:])


def test_lossy_jpeg_2000_becomes_lossless():
    dataset = made("JPEG 2000 lossy")
    blank = blanking.blank(dataset, blanking.mask(dataset, [Box(4, 3, 20, 11)]))
    assert blank.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert blank.PhotometricInterpretation == "YBR_RCT"
    assert blank.LossyImageCompression == "01"


def test_overlays_in_unused_bits_outside_stay_and_do_not_count_as_brightness():
    dataset = made("grey 12 in 16", frames=1)
    stored = np.frombuffer(dataset.PixelData, np.uint16) | 0x8000
    dataset.PixelData = stored.tobytes()
    blank = blanking.blank(dataset, blanking.mask(dataset, [Box(0, 0, 54, 1)]))
    after = np.frombuffer(blank.PixelData, np.uint16)
    assert np.array_equal(after[54:], stored[54:])
    assert set(after[:54].tolist()) == {int((stored & 0x0FFF).min())}


def test_floats_can_be_blanked():
    dataset = made("grey 32", frames=1)
    picture = np.linspace(-5, 5, 37 * 54, dtype=np.float32)
    del dataset.PixelData
    del dataset.PixelRepresentation
    dataset.FloatPixelData = picture.tobytes()
    blank = blanking.blank(dataset, blanking.mask(dataset, [Box(0, 30, 54, 37)]))
    after = np.frombuffer(blank.FloatPixelData, np.float32)
    assert np.array_equal(after[: 30 * 54], picture[: 30 * 54])
    assert set(after[30 * 54 :].tolist()) == {-5.0}


@pytest.mark.parametrize(
    "name",
    ["examples_rgb_color.dcm", "examples_jpeg2k.dcm", "examples_ybr_color.dcm",
     "SC_rgb_jpeg_dcmtk.dcm", "SC_jpeg_no_color_transform.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm",
     "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_rle_16bit.dcm", "liver_1frame.dcm",
     "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_rle_32bit_2frame.dcm", "ExplVR_BigEnd.dcm"],
)  # fmt: skip
def test_files_of_others(name):
    path = get_testdata_file(name)
    dataset = dcmread(path)
    where = blanking.mask(dataset, [Box(2, 2, 10, 6)])
    blank = burned_in.as_read(blanking.blank(dataset, where))
    where = np.broadcast_to(where, decoding.size(dataset))
    for raw in (True, False):
        assert np.array_equal(values(blank, raw)[~where], values(dataset, raw)[~where])
    assert not np.array_equal(values(blank), values(dataset)) or len(np.unique(values(dataset)[where])) == 1


def test_what_cannot_be_edited_is_refused():
    dataset = made("RGB")
    where = blanking.mask(dataset, [Box(4, 3, 20, 11)])
    with pytest.raises(ValueError, match="there is no frame 2: frames run from 0 to 1"):
        blanking.mask(dataset, [Box(4, 3, 20, 11, 2)])
    damaged = {
        "PhotometricInterpretation": "CMYK",
        "BitsAllocated": 12,
        "PixelData": dataset.PixelData[:-90],
        "Rows": 0,
    }
    for keyword, value in damaged.items():
        broken = copy.deepcopy(dataset)
        setattr(broken, keyword, value)
        with pytest.raises(Refused):
            blanking.blank(broken, where)
    del dataset.file_meta.TransferSyntaxUID
    with pytest.raises(Refused, match="TransferSyntaxUID"):
        blanking.blank(dataset, where)


@pytest.mark.parametrize(
    ("box", "said"),
    [
        (Box(30, 20, 5, 26), "holds no pixel"),
        (Box(5, 5, 5, 9), "holds no pixel"),
        (Box(54, 3, 70, 11), "holds no pixel"),
        (Box(-9, 3, 0, 11, 1), "holds no pixel"),
        (Box(4, 3, 20, 11, -1), "no frame -1"),
        ((4, 3, 20), "is no box"),
        (20, "is no box"),
    ],
)
def test_a_box_that_would_blank_nothing_is_an_error(box, said):
    with pytest.raises(ValueError, match=said):
        blanking.mask(made("RGB"), [Box(4, 3, 20, 11), box])


def test_tuples_and_boxes_that_are_partly_outside_are_boxes():
    dataset = made("RGB")
    assert np.array_equal(blanking.mask(dataset, [(4, 3, 20, 11, 1)]), blanking.mask(dataset, [Box(4, 3, 20, 11, 1)]))
    assert blanking.mask(dataset, [(-9, -9, 20, 11)]).sum() == 20 * 11


@pytest.mark.parametrize("name", ["RLE 8", "JPEG grey", "JPEG-LS 12", "JPEG 2000 16"])
@pytest.mark.parametrize("told", [2, 1])
def test_frames_that_nobody_would_see_are_refused(name, told):
    dataset = made(name, frames=3)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=3))
    decoding.check_pixels(dataset)
    dataset.NumberOfFrames = told
    for data in (dataset.PixelData, encapsulate(frames, has_bot=False)):
        dataset.PixelData = data
        with pytest.raises(Refused, match="more compressed frames"):
            decoding.check_pixels(dataset)
        with pytest.raises(Refused, match="more compressed frames"):
            blanking.blank(dataset, blanking.mask(dataset, [Box(4, 3, 20, 11)]))
    del dataset.NumberOfFrames
    dataset.PixelData = encapsulate([b"".join(frames)], has_bot=False)  # of which only the first is a fragment's start
    decoding.check_pixels(dataset)


@pytest.mark.parametrize("name", ["JPEG grey", "JPEG 2000 16"])
def test_a_frame_in_fragments_is_one_frame(name):
    dataset = made(name, frames=1)
    dataset.PixelData = encapsulate(list(generate_frames(dataset.PixelData, number_of_frames=1)), 3)
    decoding.check_pixels(dataset)


def test_damaged_compressed_pixels_are_refused():
    dataset = made("JPEG 2000 RGB", frames=1)
    dataset.PixelData = dataset.PixelData[:40] + bytes(len(dataset.PixelData) - 40)
    with pytest.raises(Refused, match="cannot be decoded"):
        blanking.blank(dataset, blanking.mask(dataset, [Box(4, 3, 20, 11)]))


def test_of_a_long_clip_only_one_copy_is_made(tmp_path):
    made("grey 8", frames=100, rows=200, columns=200).save_as(tmp_path / "clip.dcm")
    dataset = dcmread(tmp_path / "clip.dcm")
    where = blanking.mask(dataset, [Box(4, 3, 20, 11)])
    tracemalloc.start()
    blanking.blank(dataset, where)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1.2 * len(dataset.PixelData), "clips of some gigabytes are real, and memory is not"
