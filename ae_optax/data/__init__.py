"""Images in memory: data sets by name, and checks for images of one's own."""

from ae_optax.data._dataset import DataError, Dataset, check_images, fingerprint
from ae_optax.data._digits import digits
from ae_optax.data._mnist import fashion_mnist, mnist

__all__ = [
    "DataError",
    "Dataset",
    "check_images",
    "digits",
    "fashion_mnist",
    "fingerprint",
    "mnist",
]
