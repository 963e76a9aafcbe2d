"""Train the trees that see foreign objects in radiographs, and write their model file.

    pip install lightgbm
    python data/build/train_object_detector.py

draws radiographs at random (xray_bodies.py, xray_things.py, xray_devices.py, xray_exposure.py), has their candidates
measured, and teaches three models: "alone" judges a candidate by itself, "together" with what is around it, and "kind"
tells what an object is. It takes about fifteen minutes on one core, and writes helpers/safeshare/models/objects.npz.
"""

from collections.abc import Iterator

import lightgbm
import numpy as np
from scipy import ndimage
from xray_exposure import NOTHING, Body, Sample, sample

from safeshare import artificial, object_candidates, object_detector, object_shapes, object_trees
from safeshare.object_candidates import View

FIRST, SECOND = ((1, 40), (2, 200)), ((50, 440), (51, 240))  # seeds, and how many pictures are drawn with each
BODIES, SIDES = 4, (448, 576, 704)  # bodies at a time, and pixels of a picture's sides
TOLD = 0.8  # share of the pictures that tell the size of their pixels
PURE = 0.9  # share of a candidate that objects cover, to be one
COMMON = {"bagging_freq": 1, "num_threads": 1, "verbose": -1, "seed": 3, "max_bin": 127, "deterministic": True}
ALONE = COMMON | {
    "objective": "cross_entropy", "learning_rate": 0.08, "num_leaves": 31, "max_depth": 8, "min_data_in_leaf": 200,
    "feature_fraction": 0.5, "bagging_fraction": 0.6, "lambda_l2": 20,
}  # fmt: skip
TOGETHER = ALONE | {"learning_rate": 0.06, "num_leaves": 24, "min_data_in_leaf": 100, "feature_fraction": 0.4}
KIND = COMMON | {
    "objective": "multiclass", "num_class": object_trees.KINDS, "learning_rate": 0.06, "num_leaves": 12,
    "max_depth": 6, "min_data_in_leaf": 30, "feature_fraction": 0.5, "bagging_fraction": 0.7, "lambda_l2": 5,
}  # fmt: skip
ROUNDS = {"alone": 120, "together": 150, "kind": 80}
THRESHOLDS = (0.5, 0.3)  # at which the first round's regions are taken for objects, to learn kinds from


class Scene:
    """A radiograph at random as the detector looks at it, and which of its pixels are objects'."""

    def __init__(self, drawn: Sample, pixel: float | None):
        self.seen: View = object_candidates.view(drawn.shown, artificial.flat_border(drawn.shown), pixel)
        self.kind = drawn.kind
        counts = drawn.kind != NOTHING
        near = ndimage.binary_dilation((drawn.kind > 0) & counts, iterations=2)
        self.near, self.counts = near & counts, near | counts

    def share(self, place: tuple[slice, slice], mask: np.ndarray) -> float:
        """Return which share of a region is an object's; -1 if that cannot be told."""
        known = int(self.counts[place][mask].sum())
        return float(self.near[place][mask].sum()) / known if known else -1.0


def scenes(seeds: tuple[tuple[int, int], ...]) -> Iterator[Scene]:
    """Yield radiographs."""
    for seed, count in seeds:
        random = np.random.RandomState(seed)
        bodies = [Body(random) for _ in range(BODIES)]
        for _ in range(count):
            bodies[random.randint(BODIES)] = Body(random)
            body = bodies[random.randint(BODIES)]
            drawn = sample(body, random.choice(SIDES), random)
            yield Scene(drawn, body.canvas.pixel if random.rand() < TOLD else None)


def boosted(parameters: dict, rows: list, answers: list, weights: np.ndarray, rounds: int) -> lightgbm.Booster:
    """Return trained trees."""
    data = lightgbm.Dataset(np.asarray(rows, np.float32), np.asarray(answers), weight=weights)
    return lightgbm.train(parameters, data, rounds)


def judges(parameters: dict, rows: np.ndarray, shares: np.ndarray, mixed: float, rounds: int) -> lightgbm.Booster:
    """Return trees that tell objects from anatomy, which is what they cover no more than ``mixed`` of; size counts."""
    known = shares >= 0
    weights = np.clip(np.sqrt(np.exp(rows[known, 2])), 2, 25)
    return boosted(parameters, rows[known], np.clip((shares[known] - mixed) / (PURE - mixed), 0, 1), weights, rounds)


def first_round() -> lightgbm.Booster:
    """Return trees that judge a candidate by itself."""
    rows, shares = [], []
    for scene in scenes(FIRST):
        for found in object_candidates.proposed(scene.seen):
            rows.append(found.features)
            shares += [scene.share(place, found.labels[place] == k) for k, place in enumerate(found.places, 1)]
    return judges(ALONE, np.concatenate(rows), np.array(shares), 0.5, ROUNDS["alone"])


def second_round() -> tuple[lightgbm.Booster, lightgbm.Booster]:
    """Return trees that judge a candidate with what is around it, and trees that tell kinds."""
    rows, shares, shapes, kinds = [], [], [], []
    for scene in scenes(SECOND):
        parts = [each for found in object_candidates.proposed(scene.seen) for each in object_detector.parts(found)]
        first = object_detector.painted(parts, scene.seen.values.shape)
        for each in parts:
            rows.append(np.concatenate([each.features, object_detector.around(each, first, scene.seen)]))
            shares.append(scene.share(each.place, each.mask))
        for kind in range(1, object_trees.KINDS):  # as they are, with no word on how sure the first round is
            for place, mask in object_detector.grouped(scene.kind == kind, scene.seen):
                kinds.append(kind)
                shapes.append([*object_shapes.described(scene.seen, place, mask), np.nan, np.nan])
        for least in THRESHOLDS:
            for place, mask in object_detector.grouped(first > least, scene.seen):
                count = np.bincount(scene.kind[place][mask], minlength=NOTHING + 1)
                if count[: object_trees.KINDS].any():
                    object_ = count[1 : object_trees.KINDS].any() and scene.near[place][mask].mean() > 0.4
                    kinds.append(1 + int(count[1 : object_trees.KINDS].argmax()) if object_ else 0)
                    shapes.append(object_detector.features(place, mask, first, scene.seen))
    many = np.bincount(kinds, minlength=object_trees.KINDS)
    rare = (len(kinds) / object_trees.KINDS / np.maximum(many, 1))[kinds] ** 0.5
    large = np.clip(np.exp(np.array(shapes)[:, 0]) ** 0.25, 1, 6)
    together = judges(TOGETHER, np.array(rows, np.float32), np.array(shares), 0.65, ROUNDS["together"])
    return together, boosted(KIND, shapes, kinds, large * rare, ROUNDS["kind"])


def arrays(booster: lightgbm.Booster, first: int = 0, step: int = 1) -> dict[str, np.ndarray | int]:
    """Return every so many-th tree as `object_trees.Trees` wants them."""
    trees, deepest = [], 0
    for tree in booster.dump_model()["tree_info"][first::step]:
        nodes: list[tuple] = []

        def walk(node: dict, depth: int, nodes: list[tuple] = nodes) -> int:
            nonlocal deepest
            deepest, number = max(deepest, depth), len(nodes)
            nodes.append((0, np.inf, number, number, node.get("leaf_value", 0.0)))
            if "split_feature" in node:
                left, right = (walk(node[side], depth + 1) for side in ("left_child", "right_child"))
                nodes[number] = node["split_feature"], node["threshold"], left, right, 0.0
            return number

        walk(tree["tree_structure"], 0)
        trees.append(nodes)
    types = (np.uint8, np.float32, np.uint16, np.uint16, np.float32)
    most = max(len(nodes) for nodes in trees)
    out = [np.zeros((len(trees), most), kind) for kind in types]
    for row, nodes in enumerate(trees):
        for array, values in zip(out, zip(*nodes, strict=True), strict=True):
            array[row, : len(nodes)] = values
    return dict(zip(object_trees.Trees._fields, (*out, deepest), strict=True))


def write(models: dict[str, dict]) -> None:
    """Write the model file."""
    parts = {f"{name}_{part}": value for name, model in models.items() for part, value in model.items()}
    np.savez_compressed(object_trees.MODEL, **parts)


def main() -> None:
    """Train round by round, since the second one needs what the first one says."""
    models = {"alone": arrays(first_round())}
    write(models)
    together, kind = second_round()
    kinds = {f"kind{k}": arrays(kind, k, object_trees.KINDS) for k in range(object_trees.KINDS)}
    write(models | {"together": arrays(together)} | kinds)


if __name__ == "__main__":
    main()
