"""Pixels that are too large for memory stay in files, and what is made of them is the same to the byte."""

import errno
import os
import tempfile
import tracemalloc

import burned_in
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from safeshare import blanking, decoding, study, text
from safeshare.blanking import Box

KEY = "a secret of more than 16 letters"


def clip(name, frames=9, rows=96, columns=320):
    """Return frames of noise, on all of which one name stands."""
    pictures = np.random.default_rng(5).uniform(0.05, 0.2, (frames, rows, columns))
    cover, _ = burned_in.lettering("SPECIMEN ROSA", "DejaVuSans", 18, 0)
    part = pictures[:, 40 : 40 + cover.shape[0], 30 : 30 + cover.shape[1]]
    np.maximum(part, cover * 0.9, out=part)
    return burned_in.as_read(burned_in.FORMATS[name](pictures))


def copies(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "kinds"),
    [(name, ["text", "metadata"]) for name in burned_in.FORMATS if name != "deflated 8"]
    + [(name, ["text"]) for name in ("RGB planar", "RLE 8", "JPEG colour", "big endian signed 12")],
)
def test_a_copy_is_the_same_whether_pixels_are_in_memory_or_in_files(tmp_path, monkeypatch, name, kinds):
    dataset = clip(name)
    dataset.save_as(tmp_path / "clip.dcm")
    study.strip(tmp_path / "clip.dcm", tmp_path / "one", kinds=kinds, key=KEY)
    monkeypatch.setattr(decoding, "_LARGE", 0)
    (outcome,) = study.strip(tmp_path / "clip.dcm", tmp_path / "two", kinds=kinds, key=KEY)
    assert outcome.reason == "" and any(isinstance(each, text.TextFinding) for each in outcome.findings)
    assert copies(tmp_path / "one") == copies(tmp_path / "two") != {}
    assert len(copies(tmp_path / "two")) == 1, "nothing else is left in the folder"
    assert not np.array_equal(dcmread(outcome.copy).pixel_array, dataset.pixel_array)


@pytest.mark.parametrize("name", ["grey 12 in 16", "RLE 16", "big endian signed 12"])
def test_spare_bits_are_cleared_in_files_as_in_memory(tmp_path, monkeypatch, name):
    dataset = clip("grey 12 in 16" if name == "RLE 16" else name)
    little = dataset.file_meta.TransferSyntaxUID.is_little_endian
    words = np.frombuffer(dataset.PixelData, "<u2" if little else ">u2").copy()
    words[:40] |= 0x5000
    dataset.PixelData = words.tobytes()
    if name == "RLE 16":
        dataset.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
    dataset.save_as(tmp_path / "clip.dcm")
    study.strip(tmp_path / "clip.dcm", tmp_path / "one", kinds=["text"], key=KEY)
    monkeypatch.setattr(decoding, "_LARGE", 0)
    study.strip(tmp_path / "clip.dcm", tmp_path / "two", kinds=["text"], key=KEY)
    (copy,) = copies(tmp_path / "two").values()
    assert list(copies(tmp_path / "one").values()) == [copy] and copy != (tmp_path / "clip.dcm").read_bytes()


@pytest.mark.parametrize("name", ["YBR 4:2:2", "RLE RGB", "big endian 8", "1 bit", "JPEG 2000 16"])
def test_boxes_on_one_frame_are_blank_there_and_the_original_is_only_read(tmp_path, monkeypatch, name):
    monkeypatch.setattr(decoding, "_LARGE", 0)
    clip(name, 3).save_as(tmp_path / "clip.dcm")
    before = (tmp_path / "clip.dcm").read_bytes()
    dataset = decoding.load(tmp_path / "clip.dcm", tmp_path)
    twice = blanking.blank(dataset, blanking.mask(dataset, [Box(35, 41, 91, 55, 1)]))
    twice = blanking.blank(twice, blanking.mask(twice, [Box(120, 43, 180, 57, 2)]))
    whole = dcmread(tmp_path / "clip.dcm")
    at_once = blanking.blank(whole, blanking.mask(whole, [Box(35, 41, 91, 55, 1), Box(120, 43, 180, 57, 2)]))
    seen = [np.stack(list(decoding.decoded(each, raw=True))) for each in (twice, at_once, dataset)]
    assert np.array_equal(seen[0], seen[1]) and np.array_equal(seen[0][0], seen[2][0])
    assert not np.array_equal(seen[0][1], seen[2][1]) and not np.array_equal(seen[0][2], seen[2][2])
    assert (tmp_path / "clip.dcm").read_bytes() == before
    del dataset, twice
    assert os.listdir(tmp_path) == ["clip.dcm"]


def test_frames_are_read_from_their_places_while_others_are(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "_LARGE", 0)
    for name in ("grey 8", "RLE RGB", "JPEG-LS 12"):
        clip(name, 4).save_as(tmp_path / "clip.dcm")
        dataset, whole = decoding.load(tmp_path / "clip.dcm"), dcmread(tmp_path / "clip.dcm").pixel_array
        for number, frame in enumerate(decoding.decoded(dataset)):
            assert np.array_equal(frame, whole[number])
            assert np.array_equal(next(decoding.decoded(dataset, [3])), whole[3])


@pytest.mark.parametrize("name", ["examples_ybr_color.dcm", "SC_rgb_rle_16bit_2frame.dcm", "MR_small_bigendian.dcm"])
def test_audit_finds_the_same_in_real_files(tmp_path, monkeypatch, name):
    path = get_testdata_file(name)
    before = study.audit(path, kinds=["text", "objects"])
    monkeypatch.setattr(decoding, "_LARGE", 0)
    assert [each.findings for each in study.audit(path, kinds=["text", "objects"])] == [
        each.findings for each in before
    ]


@pytest.mark.parametrize("files", range(2))
def test_a_full_disk_is_the_reason_given(tmp_path, monkeypatch, files):
    """The pixels are blanked in a file, which is then written with its header to another."""
    clip("grey 8").save_as(tmp_path / "clip.dcm")
    monkeypatch.setattr(decoding, "_LARGE", 0)
    real, made = tempfile.TemporaryFile, []

    def make(**where):
        made.append(where)
        if len(made) > files:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(**where)

    monkeypatch.setattr(tempfile, "TemporaryFile", make)
    (outcome,) = study.strip(tmp_path / "clip.dcm", tmp_path / "out", kinds=["text"], key=KEY)
    assert "No space left" in outcome.reason and outcome.no_room and copies(tmp_path / "out") == {}
    assert {where["dir"] for where in made} == {tmp_path / "out"}


@pytest.mark.parametrize("name", ["grey 8", "JPEG-LS 12", "YBR 4:2:2"])
def test_a_clip_four_times_as_long_takes_no_more_memory(tmp_path, monkeypatch, name):
    monkeypatch.setattr(decoding, "_LARGE", 1 << 20)
    most = []
    for frames in (60, 240):
        path = tmp_path / f"{frames}.dcm"
        clip(name, frames, 256, 256).save_as(path)
        tracemalloc.start()
        (outcome,) = study.strip(path, tmp_path / str(frames), kinds=["text", "metadata"], key=KEY)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert outcome.reason == "" and any(isinstance(each, text.TextFinding) for each in outcome.findings)
    assert path.stat().st_size > 15_000_000 and most[1] < most[0] + 3_000_000
