"""The self-checks of the episode "Faces": as in check.py, each prints what is still wrong, or a line with a ✔.

They stand apart, since they need numpy and the code for faces, which the other episodes do without.
"""

import json
from collections.abc import Mapping
from numbers import Real

import numpy as np

from . import data, faces
from .average_head import PARTS
from .check import _report
from .finding import Refused
from .volume import Volume

# What is shared openly should lose what identifies; what needs the face is shared with those who sign for it.
METHODS_THAT_FIT = {
    "brain volumes, open download": {"remove", "reface"},
    "a brain program that stops at heads without a face, open download": {"reface"},
    "planning of jaw surgery": {"no defacing"},
    "radiotherapy of the throat": {"no defacing"},
    "size of the eyes in short-sighted people": {"no defacing"},
}
WHAT_TO_ASK = {
    "remove": "does the study, or its software, need something in the place of the face?",
    "reface": "what would it measure on a face that is made up?",
    "no defacing": "everybody could download these scans, so what would they show?",
}


def thresholds(head: Volume, values: Mapping[str, float]) -> None:
    """Print whether the thresholds show Ada's CT with its head rest, the skin alone, and the skull."""
    names = ("head rest", "skin", "skull")
    numbers = {name: values.get(name) for name in names} if isinstance(values, Mapping) else dict.fromkeys(names)
    missing = [name for name, value in numbers.items() if not isinstance(value, Real)]
    if missing:
        print(f"Not yet: a number in HU is missing for {', '.join(missing)}.")
        return
    behind = head.values[:, -12:]  # nothing but the head rest reaches so far back
    rest, skin, skull = (float(numbers[name] or 0) for name in names)
    problems = []
    if rest < -1000:
        problems.append(f"at {rest:g} HU even the air is solid. Go up a little for the head rest.")
    elif np.count_nonzero(behind > rest) < 1000:
        problems.append(f"at {rest:g} HU hardly anything of the head rest is left. Go down for it.")
    if np.count_nonzero(behind > skin) > 20:
        problems.append(f"at {skin:g} HU the head rest still shows. Go up for the skin.")
    elif skin > -200:
        problems.append(f"at {skin:g} HU you begin to see through fat and skin. Go down for the skin.")
    if skull < 100:
        problems.append(f"at {skull:g} HU muscles still cover the skull. Go up for it.")
    elif skull > 1000:
        problems.append(f"at {skull:g} HU the thin bones are gone, too. Go down for the skull.")
    _report(problems, "Head rest, skin and skull: three pictures of one array, and only a number differs.")


def person_named(label: str, name: str) -> None:
    """Print whether ``name`` is the person of the gallery whose scan is ``label``."""
    people = json.loads((data.folder("gallery") / "manifest.json").read_text(encoding="utf-8"))["people"]
    said = str(name).strip().lower()
    right = next(person for person in people if label in (person["scan"] or ""))
    problems = []
    if said not in {person["id"] for person in people}:
        problems.append(f"{name!r} is nobody in the gallery. Answer with a name from the top of a portrait.")
    elif said != right["id"]:
        problems.append(f"{label} is not {said}. Did you look for the eyes on this scan, and take the first name?")
    _report(problems, f"{label} is {right['name']}, {right['age']}: a scan without a name, and a name for it.")


def shares(ranks: Mapping[str, int], answers: Mapping[str, float], gallery: int) -> None:
    """Print whether the shares of rank 1 and 5 are right, and those that chance would reach in the gallery."""
    right = {
        "rank 1": sum(rank == 1 for rank in ranks.values()) / len(ranks),
        "rank 5": sum(rank <= 5 for rank in ranks.values()) / len(ranks),
        "chance 1": 1 / gallery,
        "chance 5": 5 / gallery,
    }
    said = answers if isinstance(answers, Mapping) else {}
    problems = []
    for name, share in right.items():
        answer = said.get(name)
        if not isinstance(answer, Real):
            problems.append(f'there is no number for "{name}" yet.')
        elif answer > 1:
            problems.append(f'"{name}" should be a share between 0 and 1. Divide by how many there are.')
        elif abs(answer - share) > 0.005 and name.startswith("rank"):
            problems.append(f'"{name}" is another share of the {len(ranks)} scans. Count once more.')
        elif abs(answer - share) > 0.001:
            problems.append(f'"{name}" is another number. How many portraits can a guesser choose from, and how often?')
    praise = f"Rank 1: {right['rank 1']:.0%} where chance has {right['chance 1']:.1%}; "
    _report(problems, praise + f"rank 5: {right['rank 5']:.0%} where chance has {right['chance 5']:.1%}.")


def face_cut(head: Volume, cut: np.ndarray, brain: np.ndarray) -> None:
    """Print whether nose, mouth and chin are air in ``cut``, and the brain is as it was. Ada's head is straight."""
    if not isinstance(cut, np.ndarray) or cut.shape != head.values.shape:
        print("Not yet: `cut` is an array of the same shape as head.values. Run the starter cell again.")
        return
    lost = np.count_nonzero(cut[brain] != head.values[brain])
    left = {part: _tissue_left(head, cut, part) for part in ("nose", "mouth", "chin", "eyes")}
    problems = [
        f"{left[part]:.0%} of the {part} is still there." for part in ("nose", "mouth", "chin") if left[part] > 0.02
    ]
    if lost:
        problems.append(f"{lost} brain voxels are gone. Lower the plane, or slant it.")
    _report(problems, f"The face is off and no brain voxel is lost; {left['eyes']:.0%} of the eyes are left.")


def face_stripped(original: Volume, stripped: Volume) -> None:
    """Print whether no face is found in ``stripped``, and all else of ``original`` is as it was."""
    if not isinstance(stripped, Volume) or stripped.values.shape != original.values.shape:
        print("Not yet: the answer is a volume like the original, as faces.strip returns it.")
        return
    changed = stripped.values != original.values
    if not changed.any():
        print("Not yet: the volume is as it was, face and all. Which verb takes it off?")
        return
    try:
        found = faces.find(stripped)
    except Refused:
        print("Not yet: nobody can tell any more where this head had a face. Take off the face, and nothing else.")
        return
    problems = [f"find still sees a face: {finding.what}." for finding in found]
    if found:
        problems.append("is it the patient's, or an average one? Leave `method` out to have none at all.")
    extra = np.count_nonzero(changed & (faces.strip(original).values == original.values))
    if extra and not found:
        problems.append(f"{extra} voxels that are no part of the face changed, too, in the brain perhaps.")
    praise = f"No face is found. {changed.mean():.0%} of the voxels are air now, and all others are as they were."
    _report(problems, praise)


def methods_chosen(answers: Mapping[str, str]) -> None:
    """Print whether each purpose has a method that fits it."""
    if not isinstance(answers, Mapping):
        print("Not yet: the answer is a dictionary. Run the starter cell again, then fill it in.")
        return
    said = {purpose: str(answers.get(purpose, "?")).strip().lower() for purpose in METHODS_THAT_FIT}
    problems = []
    for purpose, method in said.items():
        if method not in WHAT_TO_ASK:
            problems.append(f'write "remove", "reface" or "no defacing" for: {purpose}.')
        elif method not in METHODS_THAT_FIT[purpose]:
            problems.append(f"{method} does not fit: {purpose}. Ask yourself: {WHAT_TO_ASK[method]}")
    _report(problems, "All five fit: deface where the face is not needed, and control the access where it is.")


def _tissue_left(head: Volume, cut: np.ndarray, part: str) -> float:
    """Return how much of a part of the face is still there, 0 to 1; 0, 0, 0 mm lies between the eyes in Ada's CT."""
    indices = np.argwhere(head.values > -350)
    places = indices @ head.affine[:3, :3].T + head.affine[:3, 3]
    near = np.any([np.linalg.norm(places - middle, axis=1) < radius for middle, radius in PARTS[part]], axis=0)
    return float((cut[tuple(indices[near].T)] > -350).mean())
