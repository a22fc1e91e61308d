"""What a data set is."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from ae_optax.lab.data._check import check_stored
from ae_optax.lab.data._errors import DataError, printable
from ae_optax.lab.data._labels import Labels
from ae_optax.lab.data._rows import Rows
from ae_optax.lab.data._scaling import AS_IT_IS, Scaling
from ae_optax.lab.runs import DataRecord

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class Splits(NamedTuple):
    """Arrays for the three uses of a set.

    Attributes:
        train: To fit; ``Rows`` of a set that is not in memory.
        validation: To choose hyperparameters on; may be empty.
        test: To report on.
    """

    train: np.ndarray | Rows
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images or vectors, split once and for all, in memory as a rule.

    ``train``, ``validation`` and ``test`` are what models see, float32: images in [0, 1] of shape
    (n, height, width) or, with colours, (n, height, width, channels), or vectors (n, d) of any
    finite numbers. Images of bytes stay bytes in memory, and on the device, until they are used.

    Attributes:
        name: Name of the set, that of the function which loads it.
        stored: The splits as they are kept: values, float32, or the bytes that ``scaling`` makes
            values of.
        source: The folder or file where the set was found.
        fingerprint: SHA-256 of what is stored, of the scaling and of labels of one's own, see
            :func:`fingerprint`.
        scaling: How values were made of the numbers of the source, and are made into them again.
        labels: What is on the images, or ``None``.
        attribution: Authors, title, year and licence, to be shown with results.
        passed_over: What lay there and was not taken, in words; ``""`` for nothing.
    """

    name: str
    stored: Splits
    source: str
    fingerprint: str
    scaling: Scaling = AS_IT_IS
    labels: Labels | None = None
    attribution: str = ""
    passed_over: str = ""

    @property
    def train(self) -> np.ndarray:
        """The values to fit; computed anew if they are stored as bytes.

        Raises:
            DataError: If they are not in memory.
        """
        if isinstance(self.stored.train, Rows):
            raise DataError(
                f"{self.name} ({self.source}): the training set is not in memory. "
                '`first(count, "train")` gives some of it.'
            )
        return self.values(self.stored.train)

    @property
    def in_memory(self) -> bool:
        """Whether all of it is in memory; else training images are read when they are used."""
        return not isinstance(self.stored.train, Rows)

    @property
    def validation(self) -> np.ndarray:
        """The values to choose hyperparameters on, likewise."""
        return self.values(self.stored.validation)

    @property
    def test(self) -> np.ndarray:
        """The values to report on, likewise."""
        return self.values(self.stored.test)

    @property
    def splits(self) -> Splits:
        """The values of all three."""
        return Splits(self.train, self.validation, self.test)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image or vector."""
        return self.stored.train.shape[1:]

    @property
    def sizes(self) -> dict[Split, int]:
        """How many there are in each split."""
        return {split: len(getattr(self.stored, split)) for split in SPLITS}

    @property
    def table(self) -> np.ndarray:
        """The value of every byte, float32 of shape (256,)."""
        return self.scaling.apply(np.arange(256, dtype=np.uint8))

    def values(self, stored: np.ndarray) -> np.ndarray:
        """Return the values of what is stored, float32."""
        return self.scaling.apply(stored) if stored.dtype == np.uint8 else stored

    def first(self, count: int, split: Split = "test") -> np.ndarray:
        """Return the first values of a split, without computing the others."""
        return self.values(getattr(self.stored, split)[:count])

    def evenly(self, count: int) -> np.ndarray:
        """Return test images as they are stored, at even distances: a sorted set shows all of it.

        Args:
            count: How many at the most.
        """
        test = self.stored.test
        places = np.linspace(0, len(test) - 1, min(count, len(test))).round().astype(int)
        return test[places]

    def with_splits(self, **splits: np.ndarray) -> "Dataset":
        """Return the set with other splits, stored as these are, and without labels."""
        stored = self.stored._replace(**splits)
        return make_dataset(
            self.name,
            stored,
            source=self.source,
            scaling=self.scaling,
            attribution=self.attribution,
            passed_over=self.passed_over,
        )

    def _repr_html_(self) -> str:
        """Return a table of what it holds, for notebooks."""
        about = {
            **self.sizes,
            "shape": "×".join(map(str, self.shape)),
            "classes": ", ".join(self.labels.classes) if self.labels else "",
            "scaling": "" if self.scaling.by == "none" else self.scaling.by,
            "source": self.source,
            "attribution": self.attribution,
        }
        rows = (f"<tr><th>{k}</th><td>{escape(str(v))}</td></tr>" for k, v in about.items() if v)
        return f"<table><caption>{escape(self.name)}</caption>{''.join(rows)}</table>"

    def __repr__(self):
        counts = ", ".join(f"{count} {split}" for split, count in self.sizes.items())
        kind = "vectors of" if len(self.shape) == 1 else "images of"
        classes = f", {len(self.labels.classes)} classes" if self.labels else ""
        away = "" if self.in_memory else ", read when they are used"
        shape = "×".join(map(str, self.shape))
        return f"<Dataset {self.name}: {counts}, {kind} {shape}{classes}{away}>"


def fingerprint(*arrays: np.ndarray) -> str:
    """Hash arrays: their order, dtypes, shapes and bytes.

    Args:
        *arrays: Any number of arrays, of any shape and of plain (not object) dtype.

    Returns:
        The SHA-256 digest in hexadecimal, 64 characters.
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def make_dataset(
    name: str,
    splits: Sequence[Any],
    *,
    source: str | Path,
    scaling: Scaling = AS_IT_IS,
    labels: Labels | None = None,
    attribution: str = "",
    passed_over: str = "",
) -> Dataset:
    """Put the three ``splits`` (training, validation, test) into a data set."""
    stored = Splits(*splits)
    parts = [part.sample() if isinstance(part, Rows) else part for part in stored]
    if scaling.by != "none":
        parts += map(np.asarray, (scaling.offset, scaling.scale))
    if labels is not None and not labels.known:
        parts += [*labels.of, np.asarray(labels.classes)]
    return Dataset(
        name=name,
        stored=stored,
        source=printable(str(source)),
        fingerprint=fingerprint(*parts),
        scaling=scaling,
        labels=labels,
        attribution=attribution,
        passed_over=printable(passed_over),
    )


def describe_data(data: Dataset) -> DataRecord:
    """Return what a record says of a data set."""
    return DataRecord(
        name=data.name,
        source=data.source,
        fingerprint=data.fingerprint,
        attribution=data.attribution,
        **data.sizes,
        shape=list(data.shape),
        passed_over=data.passed_over,
        scaling=data.scaling.record(),
        classes=[] if data.labels is None else list(data.labels.classes),
    )


def check_dataset(data: Dataset) -> None:
    """Raise ``DataError`` unless all splits of a set hold what can be trained on.

    Of training images that are not in memory a sample is looked at.
    """
    for split, stored in data.stored._asdict().items():
        if split == "validation" and not len(stored):
            continue
        stored = stored.sample() if isinstance(stored, Rows) else stored
        check_stored(stored, data.scaling, name=f"{data.name} ({data.source}), {split}")
