"""Data sets: by name, from files and arrays of one's own, and what they must hold."""

from ae_optax.lab.data._array_files import arrays
from ae_optax.lab.data._arrays import as_values, from_arrays, from_iterable
from ae_optax.lab.data._check import check_images, check_values
from ae_optax.lab.data._dataset import Dataset, Splits, check_dataset, describe_data, fingerprint
from ae_optax.lab.data._digits import digits
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._fetch import fetch
from ae_optax.lab.data._image_folder import image_folder
from ae_optax.lab.data._inputs import Inputs, read_inputs
from ae_optax.lab.data._labels import Labels
from ae_optax.lab.data._locate import locate
from ae_optax.lab.data._mnist import fashion_mnist, mnist
from ae_optax.lab.data._planted import planted, planted_features
from ae_optax.lab.data._rows import SAMPLE, Rows
from ae_optax.lab.data._scaling import Scaling
from ae_optax.lab.data._streams import from_generator, from_source, stream
from ae_optax.lab.data._synthetic import synthetic, synthetic_error

__all__ = [
    "SAMPLE",
    "DataError",
    "Dataset",
    "Inputs",
    "Labels",
    "Rows",
    "Scaling",
    "Splits",
    "arrays",
    "as_values",
    "check_dataset",
    "check_images",
    "check_values",
    "describe_data",
    "digits",
    "fashion_mnist",
    "fetch",
    "fingerprint",
    "from_arrays",
    "from_generator",
    "from_iterable",
    "from_source",
    "image_folder",
    "locate",
    "mnist",
    "planted",
    "planted_features",
    "read_inputs",
    "stream",
    "synthetic",
    "synthetic_error",
]
