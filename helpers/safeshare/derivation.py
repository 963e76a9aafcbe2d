"""Say in the header of an image what was done to its pixels (PS3.3 C.7.6.1.1.2, C.7.6.1.1.3 and C.12.1.1)."""

from collections.abc import Sequence

from pydicom import Dataset

from . import profile
from .elements import text
from .pseudonyms import Pseudonyms
from .values import item


def tell(dataset: Dataset, done: str, pseudonyms: Pseudonyms) -> None:
    """Add ``done`` to the Derivation Description, and give the instance a UID of its own, for it is another one.

    The UID is the one that ``metadata.strip`` makes with the same key, so that what refers to the image still finds it.
    """
    if "Rows" in dataset:
        before = dataset.get("DerivationDescription")
        dataset.DerivationDescription = f"{before}; {done}" if before else done
    if uid := text(dataset, "SOPInstanceUID"):
        dataset.SOPInstanceUID = pseudonyms.uid(uid.encode()).decode()
        if hasattr(dataset, "file_meta"):
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID


def call_derived(dataset: Dataset) -> None:
    """Make value 1 of Image Type DERIVED, also where a multi-frame image has one for each frame."""
    dataset.ImageType = ["DERIVED", *list(dataset.get("ImageType") or ("", "SECONDARY"))[1:]]
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in dataset.get(keyword) or ():
            for sequence in group:
                for inner in sequence.value if sequence.VR == "SQ" else ():
                    if inner.get("FrameType"):
                        inner.FrameType = ["DERIVED", *list(inner.FrameType)[1:]]


def add_method(dataset: Dataset, code: str) -> None:
    """Append a code of PS3.16 CID 7050, such as 113101, to those of the methods by which it was de-identified."""
    before: Sequence[Dataset] = dataset.get("DeidentificationMethodCodeSequence") or ()
    if code not in codes(dataset):
        meaning = next(meaning for known, meaning in profile.CLEANED if known == code)
        method = item(CodeValue=code, CodingSchemeDesignator="DCM", CodeMeaning=meaning)
        dataset.DeidentificationMethodCodeSequence = [*before, method]


def codes(dataset: Dataset) -> list[str]:
    """Return the codes of the methods by which a data set was de-identified."""
    return [str(each.get("CodeValue") or "") for each in dataset.get("DeidentificationMethodCodeSequence") or ()]
