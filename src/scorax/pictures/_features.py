"""Features of pictures: what a small classifier of the training pictures has before its last layer, or principal components."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt8

_UNITS = (64, 32)
_COMPONENTS = 32


@dataclass(frozen=True)
class Features:
    """A map of pictures to numbers that was made of the training pictures.

    Attributes:
        name: what the numbers are.
        classifier: says the class; ``None`` where there are no classes.
        projection: the map where there is no classifier.
    """

    name: str
    classifier: Any
    projection: Any

    @staticmethod
    def of(images: UInt8[np.ndarray, "n h w c"], labels: Int[np.ndarray, " n"] | None, seed: int) -> "Features":
        """A perceptron that tells the classes of pictures, or their principal components."""
        from sklearn.decomposition import PCA
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        rows = _flat(images)
        if labels is None or len(np.unique(labels)) < 2:
            count = min(_COMPONENTS, rows.shape[1], len(rows) // 2)
            return Features(f"{count} principal components", None, PCA(count, random_state=seed).fit(rows))
        classifier = MLPClassifier(_UNITS, max_iter=40, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a classifier that could be better still has features
            classifier.fit(rows, labels)
        return Features(f"the last {_UNITS[-1]} units of a perceptron that tells the classes", classifier, None)

    def __call__(self, images: UInt8[np.ndarray, "n h w c"]) -> Float[np.ndarray, "n features"]:
        """The numbers."""
        rows = _flat(images)
        if self.classifier is None:
            return np.asarray(self.projection.transform(rows), np.float64)
        for weight, bias in list(zip(self.classifier.coefs_, self.classifier.intercepts_, strict=True))[:-1]:
            rows = np.maximum(rows @ weight + bias, 0)
        return np.asarray(rows, np.float64)

    def share_of(self, images: UInt8[np.ndarray, "n h w c"], labels: Int[np.ndarray, " n"] | None) -> float | None:
        """Share of pictures of which the classifier says this class."""
        if self.classifier is None or labels is None:
            return None
        return float(np.mean(self.classifier.predict(_flat(images)) == labels))


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64) / 255
