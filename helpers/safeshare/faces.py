"""Faces: show, find and strip the face that the surface of a head CT, MR or PET shows."""

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset

from . import average_head, brain, defacing, profile
from . import volume as volumes
from .average_head import PARTS, Fit
from .defacing import Head
from .elements import text
from .finding import Finding, Refused
from .pseudonyms import Pseudonyms
from .values import item
from .volume import Volume

if TYPE_CHECKING:
    from .face_viewer import FaceViewer


_SOME = 0.15  # of a part of the face is enough to be shown
_LEFT = 0.28  # where the rest of the head fits without it: the fit is loose then (0.25 at most after remove)
_SEEN = 0.1  # of the average head's outline: in less there is nothing to go by
_LITTLE = 0.3  # of it, and one must look twice
_TOO_SMALL = 100_000.0  # mm³ of a body that shows no face
_NO_FOAM = -150.0  # HU: brighter than what heads are bedded on, darker than fat
_THIN = 20.0  # mm along the body: slices through no more than that hold a band of a face, and nobody's looks
_SOLID_CT, _SOLID = 0.01, 0.9  # less air than that in a CT, or more than that of an MR's sides bright: no surface shows
_PADDING = -1100.0  # HU: darker than air
_NOISE = 4.0  # median absolute deviations from the median of air, which few of its voxels exceed
_DARK = 0.25  # of where a face belongs: if more is neither air nor as bright as a body, the skin is dark, not gone
_ALIKE = 0.05  # of a body: outlines that differ by less have the same fit
_TURNED = 2.3  # mm of error from which other ways to lie are tried
_METHOD = next(code for code in profile.CLEANED if code[0] == "113102")
_DONE = {
    "remove": "Face and ears removed by safeshare",
    "reface": "Face and ears replaced by an average synthetic face by safeshare",
    "plane": "Lower face cut off along a plane by safeshare",
}
_DESCRIBED = ("BodyPartExamined", "StudyDescription", "SeriesDescription", "ProtocolName")
_HEAD_WORDS = ("HEAD", "BRAIN", "SKULL", "FACE", "FACIAL", "SINUS", "ORBIT", "CRANI", "CEREB", "NECK", "KOPF", "HIRN")
_OTHER_WORDS = (
    *("CHEST", "THORAX", "LUNG", "HEART", "CARDIAC", "BREAST", "ABDOMEN", "PELVIS", "LIVER", "KIDNEY", "PROSTATE"),
    *("SHOULDER", "ELBOW", "WRIST", "HAND", "HIP", "KNEE", "ANKLE", "FOOT", "LEG", "ARM", "EXTREMITY", "LSPINE"),
)
_WITHOUT_SCALE = ("MR", "PT")  # all else that shows slices through a head is made by X-rays, and counts as CT
_UNSURE = "it may show a head, but where its face is cannot be told: look at it with faces.show, and deface it by hand."
_last: tuple[bytes, Head | None] = (b"", None)


def skin_level(volume: Volume) -> float:
    """Return the value that parts air from skin.

    In CT and whatever else X-rays make it is -350 HU, midway between air (-1000) and the fat under the skin. MR and PET
    have no such scale: there it is what best parts the dark from the bright voxels on a logarithmic scale (Otsu 1979,
    doi:10.1109/TSMC.1979.4310076), since fat, muscle and brain differ by factors, and air by a larger one.
    """
    if volume.modality not in _WITHOUT_SCALE:
        return -350.0
    values, _ = average_head.coarse(volume, 4.0)
    return _level(values)


def _level(values: np.ndarray) -> float:
    low, high = (float(end) for end in np.percentile(values, (0.5, 99.5)))
    low = min(low, 0.0)  # where air is negative, as an intercept makes it
    if high <= low:
        return low
    floor = (high - low) / 100
    logs = np.log(np.clip(values, low, high) - low + floor).ravel()
    counts, edges = np.histogram(logs, 128)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    total = np.cumsum(counts * middles)
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (total / below - (total[-1] - total) / above) ** 2
    return float(np.exp(middles[np.nanargmax(between)]) - floor + low)


def show(volume: Volume, after: Volume | None = None) -> "FaceViewer":
    """Return a lit view of the head that turns and tilts; with ``after`` both side by side."""
    from .face_viewer import FaceViewer

    _check(volume)
    return FaceViewer(volume, after)


def find(volume: Volume) -> list[Finding]:
    """Return whether a scan shows a face, as one finding or none; ``what`` says how much there is of each part.

    No face detector looks at a picture here, the geometry is checked: can the average head be laid over the outline of
    the body, is there a brain where that head has it, and in CT a skull around it, and how much tissue is there where
    forehead, eyes, nose, mouth, chin and ears must be? That takes no light and no view, works on half a head, and tells
    a head whose face is gone from one that has it. The face detector of scikit-image (a cascade on local binary
    patterns) needs a picture of a whole face that looks straight at it, and sees "a face" after refacing, too.

    After ``strip(..., "reface")`` there is a face, though nobody's, and it is found: whose it is cannot be told here.

    Raises ``Refused`` when it cannot be told whether there is a face.
    """
    head = look(volume)
    if head is None:
        return []
    return [
        Finding(
            "faces",
            "PixelData",
            ", ".join(f"{name} {share:.0%}" for name, share in head.parts.items()),
            "C",
            "people are recognized by a face rendered from the slices (PS3.15 E.3.2; Schwarz et al. 2019, "
            "doi:10.1056/NEJMc1908881)",
            head.sure,
        )
    ]


def strip(volume: Volume, method: str = "remove", *, key: bytes | str | None = None) -> Volume:
    """Return a new volume without the face, or ``volume`` itself if it shows none; ``volume`` stays as it is.

    So ``faces.strip(volume) is volume`` tells that there was no face, and nothing was changed.

    ``method`` is "remove" (air in its place), "reface" (the average of 300 synthetic faces) or "plane" (a straight cut
    that leaves forehead and ears, to learn from). Voxels outside the face region stay as they are, bit by bit, and the
    brain with a margin of 4 mm lies outside.

    The data sets of the new volume say what was done: Recognizable Visual Features NO, method 113102 (PS3.15 E.3.2,
    PS3.16 CID 7050), Derivation Description, Image Type DERIVED. They have new SOP Instance and Series Instance UIDs,
    the same that ``metadata.strip`` makes with the same ``key`` (a secret of at least 16 characters).

    Raises ``Refused`` when it cannot be told whether there is a face, or where, and ``ValueError`` for an unknown
    method or a short key.
    """
    if method not in defacing.METHODS:
        raise ValueError(f"There is no method {method!r}: there are {', '.join(defacing.METHODS)}.")
    pseudonyms = Pseudonyms(key)
    head = look(volume)
    if head is None:
        return volume
    plain = _plain(volume)
    values = defacing.METHODS[method](plain, head, _air(_small(volume), head.level))
    if _is_inverted(volume):
        values = np.where(values == plain.values, volume.values, _turned(values, volume.values))
    stripped = volume.with_values(values)
    sources = tuple(volumes.datasets(stripped)) if volume.datasets else ()
    for source in sources:
        _mark(source, _DONE[method], pseudonyms)
    # Whoever takes its data sets must not get the old pixels with them.
    return replace(stripped, datasets=sources)


def look(volume: Volume) -> Head | None:
    """Return the head whose face a scan shows, None if it shows none; raise ``Refused`` if that cannot be told.

    The answer for the last scan is kept, as ``find`` and ``strip`` ask the same one after the other.
    """
    global _last
    _check(volume)
    small = _small(volume)
    told = " ".join(text(source, keyword) for source in volume.datasets[:1] for keyword in _DESCRIBED).upper()
    seen = hashlib.sha256(repr((told, small.modality, small.values.shape)).encode())
    seen.update(small.affine.tobytes() + small.values.tobytes())
    last = _last
    if last[0] != seen.digest():
        last = _last = (seen.digest(), _look(small, told))
    return last[1]


def _check(volume: Volume) -> None:
    if not isinstance(volume, Volume):
        raise TypeError(
            f"faces takes a Volume, and this is a {type(volume).__name__}: read the slices with volume.read."
        )


def _small(volume: Volume) -> Volume:
    """Return a scan as coarse as the face region is drawn: all that is told from a scan is told from this."""
    plain = _plain(volume)
    values, affine = average_head.coarse(plain, 2.0)
    return Volume(values, affine, plain.modality, ())


def _plain(volume: Volume) -> Volume:
    """Return a scan as CT, MR or PET, and an MR or PET with high values where there is much signal."""
    if volume.modality not in _WITHOUT_SCALE:
        return replace(volume, modality="CT")
    return replace(volume, values=_turned(volume.values, volume.values)) if _is_inverted(volume) else volume


def _is_inverted(volume: Volume) -> bool:
    """Tell whether high values are dark (PS3.3 C.7.6.3.1.2); those of a CT are HU all the same."""
    shown = {text(source, "PhotometricInterpretation") for source in volume.datasets[:1]}
    return volume.modality in _WITHOUT_SCALE and shown == {"MONOCHROME1"}


def _turned(values: np.ndarray, scan: np.ndarray) -> np.ndarray:
    """Return the values with the largest of a scan in the place of its smallest, and so on."""
    return (scan.min().astype(float) + scan.max() - values.astype(float)).astype(values.dtype)


def _look(volume: Volume, told: str) -> Head | None:
    thick = volume.values.shape[2] * float(np.linalg.norm(volume.affine[:3, 2]))
    if thick < _THIN or brain.is_alone(volume):
        return None
    level = skin_level(volume)
    if _is_solid(volume, level):
        _trust_header(told, True)
        return None
    head = _head(volume, told, level)
    if head is None or head.parts or not _is_dark(volume, head):
        return head if head and head.parts else None
    # Fat suppression, diffusion or a tracer makes a brain so bright that skin was taken for air.
    values, _ = average_head.coarse(volume, 4.0)
    head = _head(volume, "HEAD", _level(values[values < level]))
    if head is None or (not head.parts and _is_dark(volume, head)):
        raise Refused(_UNSURE)
    return head if head.parts else None


def _is_solid(volume: Volume, level: float) -> bool:
    """Tell whether nothing in a scan is air, as in a part of a body, or in values that are not what they should be."""
    values = volume.values
    if volume.modality == "CT":
        return float(((values > _PADDING) & (values < level)).mean()) < _SOLID_CT
    sides = np.concatenate([side.ravel() for side in (values[0], values[-1], values[:, 0], values[:, -1])])
    return float((sides > level).mean()) > _SOLID


def _is_dark(volume: Volume, head: Head) -> bool:
    """Tell whether there is something where the face belongs in an MR or PET, though darker than the head's level."""
    if volume.modality == "CT":
        return False
    mean, values = average_head.average(), volume.values
    points = average_head.in_patient((head.found.to_average @ head.affine).astype(np.float32), values.shape)
    here = values[(average_head.sample(mean.depth, points, -99.0) > 3) & (head.region > 3)]
    air = values[values < head.level]
    if not len(here) or not len(air):
        return False
    middle = np.median(air)
    noise = np.median(np.abs(air - middle))
    return float(((here > middle + _NOISE * noise) & (here < head.level)).mean()) > _DARK


def _head(volume: Volume, told: str, level: float) -> Head | None:
    """Return the head in a scan, without parts if its face is gone, None if there is no head."""
    body, found = locate(volume, level)
    if found.seen < _SEEN:
        size = float((body.depth > 0).sum() * abs(np.linalg.det(body.affine[:3, :3])))
        # Where all is solid, no surface shows.
        _trust_header(told, size > _TOO_SMALL and bool((body.depth < 0).any()))
        return None
    mask, affine = brain.coarse_mask(volume, body, found)
    fit, skull = brain.agreement(volume, found, mask, affine)
    stretch = float(np.abs(found.numbers[6:]).max())
    if _TURNED < found.error < 6 and average_head.fits_turned(body) < min(_TURNED, found.error - 0.3):
        raise Refused(
            "the head in it seems to lie otherwise than its header says (turned to the back or upside down), or too "
            "little of it is there: mend Image Orientation (Patient) first, or deface it by hand."
        )
    bony = 1.0 if volume.modality != "CT" else skull
    region = defacing.region(mask, affine, found)
    parts = _parts(volume, found, region, affine, level)
    most = max(parts.values())
    faceless = Head(found, mask, affine, region, {}, level)
    if found.faceless and fit > 0.8 and bony > 0.3 and most < _LEFT:
        return faceless
    little = found.seen < _LITTLE  # the head may lie anywhere along the slices, and its brain outside
    needed = 0.9 if found.faceless else 0.86  # a fit without the face may lie a centimetre off
    if found.error < (2 if little else 3) and fit > needed and stretch < 0.25 and bony > 0.3:
        return faceless._replace(parts=parts) if most >= _SOME else faceless
    outline_fits = found.error < 3.5 and stretch < 0.3 and (fit > 0.83 or little)
    # Noise, or something around the head, may have spoilt its outline: then its brain tells.
    noisy, alike = (10, 0.87) if volume.modality == "PT" else (7, 0.9)
    brain_fits = found.error < noisy and fit > alike and bony > 0.3 and most >= _SOME
    if bony > 0.15 and (outline_fits or brain_fits):
        raise Refused(_UNSURE)
    _trust_header(told, False)
    return None


def locate(volume: Volume, level: float | None = None) -> tuple[average_head.Outline, Fit]:
    """Return the outline of the body in a scan, by default at the skin, and how the average head lies best over it."""
    values, affine = average_head.coarse(volume, 4.0)
    body = average_head.outline(values, affine, skin_level(volume) if level is None else level)
    found = average_head.fit(body)
    if volume.modality == "CT" and found.error > _TURNED:  # a pillow or a head-holder that clings to the head?
        bare = average_head.outline(values, affine, _NO_FOAM, 9.0)
        differ = np.count_nonzero((bare.depth > 0) != (body.depth > 0))
        if differ > _ALIKE * np.count_nonzero(body.depth > 0):
            other = average_head.fit(bare)
            if other.seen > 0.8 * found.seen and other.error < found.error - 0.5:
                return bare, other
    return body, found


def _trust_header(told: str, unsure: bool) -> None:
    """Raise ``Refused`` if no head was found, and yet the header says that there is one, or says nothing of a body part
    where the voxels leave it open (``unsure``)."""
    if any(word in told for word in _HEAD_WORDS) or (unsure and not any(word in told for word in _OTHER_WORDS)):
        raise Refused(_UNSURE)


def _parts(volume: Volume, found: Fit, region: np.ndarray, affine: np.ndarray, level: float) -> dict[str, float]:
    """Return how much tissue there is where each part of the face must be, compared to the average head."""
    mean = average_head.average()
    inside = np.argwhere(mean.inside > 0.5) * average_head.SPACING + average_head.ORIGIN
    inside = inside[average_head.face_region(inside.T) > 3]
    values, coarse_affine = average_head.coarse(volume, 2.0)
    solid = values > level
    to_voxels = np.linalg.inv(found.to_average @ coarse_affine)
    shares = {}
    for name, balls in PARTS.items():
        near = np.any([np.linalg.norm(inside - middle, axis=1) < radius for middle, radius in balls], axis=0)
        at = np.round(to_voxels[:3, :3] @ inside[near].T + to_voxels[:3, 3:]).astype(int)
        seen = np.all([(i >= 0) & (i < n) for i, n in zip(at, solid.shape, strict=True)], axis=0)
        at = tuple(at[:, seen])
        shares[name] = float((solid[at] & (region[at] > 1)).sum() / len(seen))
    return shares


def _air(volume: Volume, level: float) -> float:
    """Return the value of nothing in the scan: what most of its air, which is darker than ``level``, has."""
    values, _ = average_head.coarse(volume, 4.0)
    air = values[values < level]
    if volume.modality == "CT":
        air = air[(air < -900) & (air > -1100)]
        return float(np.round(np.median(air))) if len(air) else -1000.0
    return float(np.median(air)) if len(air) else 0.0


def _mark(ds: Dataset, done: str, pseudonyms: Pseudonyms) -> None:
    """Write into a data set what was done to it, and give it UIDs of its own."""
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
        setattr(ds, keyword, pseudonyms.uid(text(ds, keyword).encode()).decode())
    if hasattr(ds, "file_meta"):
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.ImageType = ["DERIVED", *list(ds.get("ImageType") or ["", "PRIMARY"])[1:]]
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in ds.get(keyword) or []:
            _mark_frame(group)
    ds.RecognizableVisualFeatures = "NO"
    before = list(ds.get("DeidentificationMethodCodeSequence") or [])
    if all(code.get("CodeValue") != _METHOD[0] for code in before):
        code = item(CodeValue=_METHOD[0], CodingSchemeDesignator="DCM", CodeMeaning=_METHOD[1])
        ds.DeidentificationMethodCodeSequence = [*before, code]
    told = str(ds.get("DerivationDescription") or "")
    ds.DerivationDescription = f"{told}; {done}" if told else done


def _mark_frame(group: Dataset) -> None:
    for sequence in group:
        if sequence.VR == "SQ":
            for inner in sequence.value:
                if inner.get("FrameType"):
                    inner.FrameType = ["DERIVED", *list(inner.FrameType)[1:]]
