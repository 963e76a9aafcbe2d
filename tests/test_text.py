"""Burned-in text is found and blanked, little else is, and the header says what was done."""

import copy
import subprocess
import sys
from pathlib import Path

import burned_in
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.examples import get_path
from pydicom.pixels import apply_color_lut, iter_pixels

pytest.importorskip("onnxruntime", reason="needs the optional part: pip install '.[text]'")

from safeshare import Refused, blanking, decoding, objects, text, text_detector
from safeshare.blanking import Box
from safeshare.text_lines import Line, bridged


def screen(*lines, rows=240, columns=400, frames=1, size=16, name="grey 8"):
    """Return a data set with lines of text, each (words, x, y), on a dark ground, and the frames that it is made of."""
    pictures = np.full((frames, rows, columns), 0.05)
    for words, x, y, *where in lines:
        cover, _ = burned_in.lettering(words, "DejaVuSans", size, 0)
        for frame in where[0] if where else range(frames):
            part = pictures[frame, y : y + cover.shape[0], x : x + cover.shape[1]]
            np.maximum(part, cover * 0.9, out=part)
    return burned_in.as_read(burned_in.FORMATS[name](pictures)), pictures


def boxes(findings):
    return [finding.box for finding in findings if isinstance(finding, text.TextFinding)]


def ink_left(dataset, pictures):
    """Return the share of the letters' pixels that no box covers."""
    where = np.broadcast_to(blanking.mask(dataset, boxes(text.find(dataset))), pictures.shape)
    return float((~where)[pictures > 0.4].mean())


def test_a_finding_names_place_and_words():
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30))
    found = [each for each in text.find(dataset) if isinstance(each, text.TextFinding)]
    assert len(found) == 1
    box = found[0].box
    assert found[0].kind == "text"
    assert found[0].where == f"x {box.x0} to {box.x1}, y {box.y0} to {box.y1}"
    assert found[0].what.replace(" ", "") == "SPECIMENROSA"
    assert box.x0 <= 20 < box.x1
    assert box.y0 <= 30 < box.y1
    assert "PS3.15" in found[0].why


@pytest.mark.parametrize("name", burned_in.FORMATS)
def test_text_is_found_and_gone_in_every_format(name):
    dataset, pictures = screen(("MRN 00482913", 20, 30), ("DOE^JANE", 150, 150), name=name)
    untouched = copy.deepcopy(dataset)
    found = boxes(text.find(dataset))
    where = np.broadcast_to(blanking.mask(dataset, found), pictures.shape)
    assert (~where)[pictures > 0.4].mean() < 0.02
    clean = burned_in.as_read(text.strip(dataset, found, reviewed=True))
    assert dataset == untouched
    assert text.find(clean) == []


def test_text_of_any_direction_is_found():
    pictures = np.full((1, 400, 400), 0.05)
    for angle, x, y in ((90, 30, 60), (270, 350, 60), (20, 110, 150)):
        cover, _ = burned_in.lettering("ID EHN-6093847", "DejaVuSans", 14, angle)
        part = pictures[0, y : y + cover.shape[0], x : x + cover.shape[1]]
        np.maximum(part, cover, out=part)
    dataset = burned_in.as_read(burned_in.FORMATS["grey 8"](pictures))
    assert ink_left(dataset, pictures) < 0.05


def test_a_text_on_one_frame_of_a_long_clip_is_found():
    dataset, pictures = screen(("SPECIMEN ROSA", 20, 30, [17]), frames=40)
    assert ink_left(dataset, pictures) < 0.02
    assert {box.frame for box in boxes(text.find(dataset))} == {None}


def test_every_frame_is_read_where_neighbours_share_their_colour():
    grey = np.arange(14).reshape(-1, 1, 1, 1) * np.ones((14, 32, 40, 3)) / 15
    dataset = burned_in.as_read(burned_in.FORMATS["YBR 4:2:2"](grey))
    assert [int(frame[3, 3, 0]) for frame in text._decoded(dataset, None)] == [17 * number for number in range(14)]
    assert int(next(text._decoded(dataset, [9]))[3, 3, 0]) == 17 * 9


def test_every_frame_of_a_bitmap_is_read():
    dots = np.random.default_rng(0).random((3, 31, 37)) > 0.5  # so few that no frame but the first begins with a byte
    dataset = burned_in.as_read(burned_in.FORMATS["1 bit"](dots.astype(float)))
    assert np.array_equal(np.stack(list(text._decoded(dataset, None))), dots)


def test_frames_that_are_asked_for_are_the_ones_looked_at():
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30, [1]), frames=3)
    assert boxes(text.find(dataset, frames=[0])) == []
    assert {box.frame for box in boxes(text.find(dataset, frames=[1]))} == {1}
    assert "frame 1" in text.find(dataset, frames=[1])[0].where


def test_text_at_the_end_of_a_large_radiograph_is_found():
    dataset, pictures = screen(("SPECIMEN ROSA", 1600, 1540), rows=1600, columns=2000, size=32)
    assert ink_left(dataset, pictures) < 0.02


def test_boxes_of_the_caller_are_what_is_blanked():
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30), ("R", 300, 30))
    clean = text.strip(dataset, [Box(10, 20, 200, 60)])
    assert (clean.pixel_array[20:60, 10:200] == dataset.pixel_array.min()).all()
    assert np.array_equal(clean.pixel_array[:, 200:], dataset.pixel_array[:, 200:])


def test_findings_and_tuples_say_where_to_blank_as_boxes_do():
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30))
    found = text.find(dataset)
    assert found[-1].where == "BurnedInAnnotation", "which has no box"
    for given in (found, [tuple(box) for box in boxes(found)], [box[:4] for box in boxes(found)]):
        assert text.strip(dataset, given).PixelData == text.strip(dataset, boxes(found)).PixelData != dataset.PixelData
    with pytest.raises(ValueError, match=r"the box \(300, 200, 50, 60\) holds no pixel"):
        text.strip(dataset, [Box(300, 200, 50, 60)], reviewed=True)


@pytest.mark.parametrize("frames", [[3], [-1], "a"])
def test_a_frame_that_there_is_not_is_named(frames):
    dataset, _ = screen(frames=3)
    with pytest.raises(ValueError, match="there is no frame .*: frames run from 0 to 2"):
        text.find(dataset, frames=frames)


@pytest.mark.parametrize("verb", [text.find, text.strip, objects.find])
@pytest.mark.parametrize("given", ["scan.dcm", Path("scan.dcm"), [Dataset()], None])
def test_what_is_no_data_set_is_an_error(verb, given):
    with pytest.raises(TypeError, match=rf"{verb.__name__} takes a Dataset, .* read the file with pydicom.dcmread"):
        verb(given)


@pytest.mark.parametrize("verb", [text.find, text.strip])
def test_a_data_set_without_pixels_or_without_their_coding_is_refused_by_that_name(verb):
    whole, _ = screen(("SPECIMEN ROSA", 20, 30))
    bare = copy.deepcopy(whole)
    del bare.PixelData
    with pytest.raises(Refused, match="it has no pixels"):
        verb(bare)
    made = Dataset(dict(whole))
    with pytest.raises(Refused, match="set its TransferSyntaxUID"):
        verb(made)


@pytest.mark.parametrize("told", [2, None])
def test_text_on_frames_that_no_header_tells_of_is_not_passed_over(told):
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30, [2]), frames=3, name="JPEG grey")
    dataset.NumberOfFrames = told
    for verb in (text.find, lambda dataset: text.find(dataset, frames=[]), text.strip, lambda ds: text.strip(ds, [])):
        with pytest.raises(Refused, match="more compressed frames than its Number of Frames tells"):
            verb(dataset)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_of_bytes_in_words_is_no_dark_picture(bits):
    dataset, pictures = screen(("SPECIMEN ROSA", 20, 30), name="palette 8")
    for colour in ("Red", "Green", "Blue"):
        table = np.frombuffer(dataset[f"{colour}PaletteColorLookupTableData"].value, "<u2") >> 8
        setattr(dataset, f"{colour}PaletteColorLookupTableData", table.astype("<u2").tobytes())
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [len(table), 0, bits])
    assert ink_left(dataset, pictures) < 0.02


@pytest.mark.parametrize("outlier", ["a pixel", "padding", "infinity"])
def test_values_that_are_no_picture_do_not_hide_text(outlier):
    dataset, pictures = screen(("SPECIMEN ROSA", 20, 30), name="grey 32")
    values = np.rint(pictures * 60)
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    if outlier == "padding":
        values[:, -50:] = -32768
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
        dataset.PixelPaddingValue, dataset.PixelData = -32768, values.astype("<i2").tobytes()
    else:
        values[0, 200, 200] = 65535 if outlier == "a pixel" else np.inf
        dataset.FloatPixelData = values.astype("<f4").tobytes()
    assert ink_left(dataset, pictures) < 0.02


@pytest.mark.parametrize("padding", [-32768, 32767])
def test_what_is_drawn_in_the_value_of_padding_is_text(padding):
    dataset, pictures = screen(("SPECIMEN ROSA", 20, 30), name="grey 12 in 16")
    values = np.where(pictures > 0.4, padding, 3)
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 1
    dataset.PixelPaddingValue = padding
    dataset.PixelData = values.astype("<i2").tobytes()
    assert ink_left(dataset, pictures) < 0.02


@pytest.mark.parametrize(
    "said", [{"Modality": "SM", "ImageType": ["ORIGINAL", "PRIMARY", "LABEL"]}, {"SpecimenLabelInImage": "YES"}]
)
def test_the_label_of_a_slide_is_refused_since_barcodes_are_not_found(said):
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30))
    for name, value in said.items():
        setattr(dataset, name, value)
    for verb in (text.find, text.strip):
        with pytest.raises(Refused, match="label of a slide"):
            verb(dataset)
    assert np.ptp(text.strip(dataset, boxes=[(0, 0, 400, 60)]).pixel_array[:60]) == 0, "who looks can blank it"


def test_keep_retains_what_is_technical_and_only_that():
    dataset, _ = screen(
        ("MI 1.2 TIS 0.8", 20, 30), ("120 kV", 250, 30), ("DOB 17-FEB-1989", 20, 150), ("Gain 54 Doe", 220, 150)
    )
    clean = text.strip(dataset, keep=text.TECHNICAL)
    same = clean.pixel_array == dataset.pixel_array
    assert same[:100].all()
    assert (clean.pixel_array[150:165] == dataset.pixel_array.min()).mean() > 0.95


@pytest.mark.parametrize(
    "words", ["LIND", "71", "17.02.1989", "6093847", "R. Doe", "W 6093847", "Gain Doe", "L 1989-02-17"]
)
def test_no_name_number_or_date_is_technical(words):
    assert not text.all_technical(words, text.TECHNICAL)


def test_the_header_afterwards():
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30))
    earlier = Dataset()
    earlier.CodeValue, earlier.CodingSchemeDesignator, earlier.CodeMeaning = "113100", "DCM", "Basic Profile"
    dataset.DeidentificationMethodCodeSequence = [earlier]
    dataset.IconImageSequence = [Dataset()]
    clean = text.strip(dataset)
    assert clean.BurnedInAnnotation == "YES", "nobody has looked"
    assert [each.where for each in text.find(clean)] == ["BurnedInAnnotation"]
    assert [code.CodeValue for code in clean.DeidentificationMethodCodeSequence] == ["113100", "113101"]
    assert clean.ImageType == ["DERIVED", "PRIMARY"]
    assert "text" in clean.DerivationDescription
    assert clean.SOPInstanceUID != dataset.SOPInstanceUID
    assert clean.file_meta.MediaStorageSOPInstanceUID == clean.SOPInstanceUID
    assert "IconImageSequence" not in clean
    assert text.strip(dataset, reviewed=True).BurnedInAnnotation == "NO"


@pytest.mark.parametrize("said", ["NO", None])
def test_where_text_was_blanked_a_person_is_asked_to_look_whatever_the_header_said(said):
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30))
    dataset.BurnedInAnnotation = said
    assert text.strip(dataset).BurnedInAnnotation == "YES"
    assert text.strip(dataset, []).BurnedInAnnotation == said, "nothing was blanked"


def test_a_picture_without_text_stays_as_it_is():
    dataset, _ = screen()
    clean = text.strip(dataset, reviewed=True)
    assert clean.PixelData == dataset.PixelData
    assert clean.SOPInstanceUID == dataset.SOPInstanceUID
    assert clean.ImageType == dataset.ImageType
    assert clean.BurnedInAnnotation == "NO"


def test_pixels_that_cannot_be_read_are_refused():
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30))
    dataset.PixelData = dataset.PixelData[:100]
    with pytest.raises(Refused, match="cannot be decoded"):
        text.find(dataset)


def test_few_letters_are_left_and_little_else_is_lost():
    still = total = 0
    lost = []
    for number in (1, 8, 22, 36, 43, 51, 64):
        example = burned_in.example(number)
        dataset = burned_in.as_read(example.dataset)
        where = np.broadcast_to(blanking.mask(dataset, boxes(text.find(dataset))), decoding.size(dataset))
        left, glyphs = burned_in.left(example, where)
        still, total = still + left, total + glyphs
        lost.append(burned_in.destroyed(example, where))
    assert total > 80
    assert still / total <= 0.05  # these are hard ones; over the whole series it is less
    assert np.mean(lost) < 0.01


@pytest.mark.parametrize(
    "backdrop", [burned_in.radiograph, burned_in.ultrasound, burned_in.scope, burned_in.doppler, burned_in.slice_]
)
def test_a_texture_is_not_text(backdrop):
    picture = backdrop(np.random.default_rng(5), 400, 520)[np.newaxis]
    dataset = burned_in.as_read(burned_in.FORMATS["grey 8" if picture.ndim == 3 else "RGB"](picture))
    assert blanking.mask(dataset, boxes(text.find(dataset))).mean() < 0.01


def test_what_is_seen_only_after_the_first_is_blank_goes_too(monkeypatch):
    dataset, _ = screen(("SPECIMEN ROSA", 20, 30), ("DOE^JANE", 150, 300), rows=480, columns=800, size=10)
    lines = text_detector.lines

    def topmost(picture):
        found = lines(picture)
        return [line for line in found if line.y0 < min(line.y0 for line in found) + 20]

    monkeypatch.setattr(text_detector, "lines", topmost)
    first = text.strip(dataset, boxes(text.find(dataset)), reviewed=True)
    assert text.find(first) != []
    assert text.find(text.strip(dataset, reviewed=True)) == []


def test_pixels_without_a_value_are_no_obstacle():
    dataset, pictures = screen(("SPECIMEN ROSA", 20, 30), frames=3, name="grey 32")
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    values = pictures.astype("<f4")
    values[:, :20] = np.nan
    dataset.FloatPixelData = values.tobytes()
    assert ink_left(dataset, pictures) < 0.02


def test_words_of_one_line_are_bridged_and_those_of_two_are_not():
    lines = [Line(10, 20, 60, 40, 0.9), Line(100, 21, 150, 41, 0.8), Line(100, 60, 150, 80, 0.9)]
    assert bridged(lines) == [*lines, Line(60, 20, 100, 41, 0.8)]
    upright = [Line(y0, x0, y1, x1, sure) for x0, y0, x1, y1, sure, _ in lines[:2]]
    assert bridged(upright)[2:] == [Line(20, 60, 41, 100, 0.8)]
    assert bridged([Line(10, 20, 60, 40, 0.9, True), lines[1]])[2:] == []


@pytest.mark.needs_program("tesseract", debian="tesseract-ocr")
def test_a_different_engine_reads_nothing_any_more(tmp_path):
    dataset = dcmread(get_path("jpeg2k"))

    def read(dataset):
        path = tmp_path / "picture.png"
        Image.fromarray(dataset.pixel_array).resize((1920, 1440), Image.Resampling.BICUBIC).save(path)
        command = ["tesseract", str(path), "-", "--psm", "11"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    words = ("BAPTIST", "LYMPH", "MSCSKEL", "CINE", "630P630")
    before, after = read(dataset), read(text.strip(dataset))
    assert sum(word in before for word in words) > 1, "the judge is blind"
    assert not any(word in after for word in words)


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("rgb_color", [(3, 11, 120, 17), (145, 175, 190, 190), (4, 68, 20, 76), (4, 108, 20, 116)]),
        ("palette_color", [(3, 80, 50, 140), (5, 40, 180, 55), (700, 12, 780, 25)]),
    ],
)
def test_what_stands_on_real_pictures_is_covered(name, places):
    dataset = dcmread(get_path(name))
    where = blanking.mask(dataset, boxes(text.find(dataset)))[0]
    picture = next(iter_pixels(dataset, raw=True)) if name == "rgb_color" else shown_by_palette(dataset)
    for x0, y0, x1, y1 in places:
        letters = picture[y0:y1, x0:x1].max(-1) > 200
        assert letters.any()
        assert where[y0:y1, x0:x1][letters].mean() > 0.95


def shown_by_palette(dataset):
    return (apply_color_lut(dataset.pixel_array, dataset) >> 8).astype(np.uint8)


def test_onnxruntime_is_imported_only_when_it_is_used():
    code = "import sys; from safeshare import text; assert not {'onnxruntime', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_part_is_named():
    code = "import sys; sys.modules['onnxruntime'] = None; from safeshare import text_detector"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert '[text]"` in the lesson' in ended.stderr


@pytest.mark.parametrize("look", [text.find, text.strip])
def test_a_reason_never_quotes_what_stands_in_the_header(look):
    dataset = burned_in.as_read(burned_in.example(0).dataset)
    dataset.PhotometricInterpretation = "HUBEROVA EVE"
    with pytest.raises(Refused) as refused:
        look(dataset)
    assert "HUBEROVA" not in str(refused.value)
