"""Text that stands outside of the picture is found, and gone afterwards; what is harmless stays as it is."""

import copy

import burned_in
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    EncapsulatedPDFStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    RLELossless,
)

from safeshare import Refused, blanking, data, metadata, text, text_elsewhere
from safeshare.values import item

KEY = "a key that only this test uses"


def image(name="grey 12 in 16"):
    """Return a picture of grey steps without text."""
    return burned_in.as_read(burned_in.FORMATS[name](np.linspace(0.1, 0.9, 8).repeat(32).reshape(1, 16, 16)))


def strip(dataset, **options):
    """Strip all but what is burned in, which takes no detector, and check that the input stays."""
    before = copy.deepcopy(dataset)
    clean = text.strip(dataset, boxes=[], key=KEY, **options)
    assert dataset == before
    assert text_elsewhere.find(clean) == []
    return clean


def codes(dataset):
    return [each.CodeValue for each in dataset.get("DeidentificationMethodCodeSequence", [])]


def with_overlay(dataset, group=0x6002, drawn=b"\x00\x18\x00\x00"):
    dataset.add_new((group, 0x0010), "US", 16)
    dataset.add_new((group, 0x0011), "US", 16)
    dataset.add_new((group, 0x0040), "CS", "G")
    dataset.add_new((group, 0x1500), "LO", "label")
    dataset.add_new((group, 0x3000), "OW", drawn.ljust(32, b"\0"))
    return dataset


def test_an_overlay_is_found_and_its_whole_group_goes():
    dataset = with_overlay(image())
    (found,) = text_elsewhere.find(dataset)
    assert (found.kind, found.where) == ("text", "OverlayData (6002,3000)")
    assert (found.what, found.action) == ("2 points drawn", "X")
    assert "PS3.15 E.3.3" in found.why
    clean = strip(dataset)
    assert not [tag for tag in clean.keys() if tag >> 16 == 0x6002]
    assert clean.PixelData == dataset.PixelData
    assert clean.ImageType == dataset.ImageType, "its pixels are not derived"
    assert codes(clean) == ["113103"]
    assert clean.DerivationDescription == "text outside of the picture removed"


def test_an_overlay_with_nothing_in_it_is_no_text():
    assert text_elsewhere.find(with_overlay(image(), drawn=b"")) == []


def bits_set(syntax, signed):
    """Return values of 12 bits with drawings in the four bits above, and the values alone."""
    dataset = image()
    values = np.arange(256, dtype="i2").reshape(16, 16) * 16 - (2048 if signed else 0)
    words = (values if signed else values & 0x0FFF).astype("u2")
    drawn = words.copy()
    drawn[4:6, 3:9] ^= 0x4000
    dataset.PixelRepresentation = int(signed)
    order = "<" if syntax.is_little_endian else ">"
    for each in (drawn, words):
        new = copy.deepcopy(dataset)
        if syntax == RLELossless:
            new.PixelData = encapsulate([blanking.encoded(new, each.astype("u2"), "MONOCHROME2", syntax)])
            new.file_meta.TransferSyntaxUID = syntax
        else:
            new.PixelData = each.astype(f"{order}u2").tobytes()
            new.file_meta.TransferSyntaxUID = syntax
        yield new


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless], ids=lambda uid: uid.name)
def test_what_is_drawn_in_unused_bits_is_found_and_cleared_and_the_values_stay(syntax, signed):
    drawn, plain = bits_set(syntax, signed)
    assert text_elsewhere.find(plain) == [], "the sign of a number fills them, too"
    assert strip(plain).PixelData == plain.PixelData
    (found,) = text_elsewhere.find(drawn)
    assert found.where == "unused bits of PixelData"
    clean = strip(drawn)
    outside = np.ones((16, 16), bool)
    outside[4:6, 3:9] = False
    if syntax == RLELossless:
        assert clean.pixel_array.shape == (16, 16)
    else:
        words, before = (np.frombuffer(each.PixelData, "u2").reshape(16, 16) for each in (clean, plain))
        assert np.array_equal(words[outside], before[outside])
    spare = 0x0FFF
    assert np.array_equal(clean.pixel_array & spare, plain.pixel_array & spare)


def test_padding_outside_of_the_values_is_no_drawing():
    dataset, plain = bits_set(ExplicitVRLittleEndian, signed=False)
    words = np.frombuffer(plain.PixelData, "<u2").copy()
    words[:40] = 0xF830
    dataset.PixelData = words.tobytes()
    assert text_elsewhere.find(dataset) != []
    dataset.PixelPaddingValue = 0xF830
    assert text_elsewhere.find(dataset) == []


def test_an_icon_goes_and_so_does_a_document_in_an_image():
    dataset = image()
    dataset.IconImageSequence = [item(Rows=64, Columns=64)]
    dataset.EncapsulatedDocument = b"%PDF"
    assert [found.where for found in text_elsewhere.find(dataset)] == ["IconImageSequence", "EncapsulatedDocument"]
    clean = strip(dataset)
    assert "IconImageSequence" not in clean and "EncapsulatedDocument" not in clean


def test_an_icon_in_a_reference_goes():
    dataset = image()
    dataset.ReferencedImageSequence = [item(ReferencedSOPInstanceUID="1.2.3", IconImageSequence=[item(Rows=64)])]
    assert [found.where for found in text_elsewhere.find(dataset)] == ["IconImageSequence"]
    assert list(strip(dataset).ReferencedImageSequence[0].keys()) == [0x00081155]


def presentation():
    """Return a presentation state with lettering and an arrow in one item, and lettering alone in another."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = GrayscaleSoftcopyPresentationStateStorage, "1.2.3"
    words = [item(UnformattedTextValue=each, AnchorPoint=[1.0, 1.0]) for each in ("Testperson", "see Dr. Muster")]
    arrow = item(GraphicType="POLYLINE", GraphicData=[1.0, 1.0, 5.0, 5.0], NumberOfGraphicPoints=2)
    dataset.GraphicAnnotationSequence = [
        item(GraphicLayer="NOTES", TextObjectSequence=words[:1], GraphicObjectSequence=[arrow]),
        item(GraphicLayer="NOTES", TextObjectSequence=words[1:]),
    ]
    return dataset


def test_the_lettering_of_a_presentation_state_goes_and_its_drawings_stay():
    dataset = presentation()
    dataset.IconImageSequence = [item(Rows=64, Columns=64)]
    found = text.find(dataset)
    assert [each.what for each in found] == ["Testperson; see Dr. Muster", ""]
    clean = strip(dataset)
    (left,) = clean.GraphicAnnotationSequence
    assert "TextObjectSequence" not in left and len(left.GraphicObjectSequence) == 1
    assert codes(clean) == ["113103"]
    del dataset.GraphicAnnotationSequence[0]
    assert "GraphicAnnotationSequence" not in strip(dataset)


def test_a_note_at_a_place_of_a_volume_goes_and_its_place_stays():
    dataset = Dataset()
    dataset.VolumetricAnnotationSequence = [item(UnformattedTextValue="Testperson", GraphicType="POINT")]
    assert [found.what for found in text_elsewhere.find(dataset)] == ["Testperson"]
    (left,) = strip(dataset).VolumetricAnnotationSequence
    assert (left.UnformattedTextValue, left.GraphicType) == ("REMOVED", "POINT")


@pytest.mark.parametrize("options", [{}, {"clean_graphics": True}], ids=["basic", "clean graphics"])
def test_what_metadata_leaves_in_place_of_lettering_is_no_text(options):
    assert text.find(metadata.strip(presentation(), **options)) == []


def test_a_document_is_refused_with_a_sentence():
    dataset = Dataset()
    dataset.SOPClassUID, dataset.EncapsulatedDocument = EncapsulatedPDFStorage, b"%PDF"
    for verb in (text.find, text.strip):
        with pytest.raises(Refused, match="wraps a document"):
            verb(dataset)


def test_a_report_without_pixels_has_no_text_of_this_kind():
    report = dcmread(data.folder("head") / "SR.report.dcm")
    assert text.find(report) == []
    assert text.strip(report) == report


def test_the_same_key_gives_the_uid_that_metadata_gives():
    dataset = with_overlay(image())
    assert strip(dataset).SOPInstanceUID == metadata.strip(dataset, key=KEY).SOPInstanceUID
    assert strip(dataset).file_meta.MediaStorageSOPInstanceUID == strip(dataset).SOPInstanceUID
    assert text.strip(dataset, boxes=[]).SOPInstanceUID != text.strip(dataset, boxes=[]).SOPInstanceUID
