"""Images in memory: data sets by name, files and arrays of one's own, and checks of images."""

from ae_optax.lab.data._array_files import arrays
from ae_optax.lab.data._arrays import as_images, from_arrays, from_iterable
from ae_optax.lab.data._dataset import DataError, Dataset, check_images, describe_data, fingerprint
from ae_optax.lab.data._digits import digits
from ae_optax.lab.data._fetch import fetch
from ae_optax.lab.data._image_folder import image_folder
from ae_optax.lab.data._locate import locate
from ae_optax.lab.data._mnist import fashion_mnist, mnist
from ae_optax.lab.data._planted import planted, planted_features
from ae_optax.lab.data._synthetic import synthetic, synthetic_error

__all__ = [
    "DataError",
    "Dataset",
    "arrays",
    "as_images",
    "check_images",
    "describe_data",
    "digits",
    "fashion_mnist",
    "fetch",
    "fingerprint",
    "from_arrays",
    "from_iterable",
    "image_folder",
    "locate",
    "mnist",
    "planted",
    "planted_features",
    "synthetic",
    "synthetic_error",
]
