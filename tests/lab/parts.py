"""Every part of a task that has a name, as a config makes it: what the contract runs over.

Exporting a function that returns a model, a loss, a metric, a corruption or a data set enrols it.
"""

import functools
import json

import jax.numpy as jnp
import numpy as np

from ae_optax.lab.config import Binder, Problems, Where, kinds, parse
from ae_optax.lab.losses import Seen
from ae_optax.lab.models import Gaussian, Output

SCHEDULE = {"name": "linear", "init_value": 0.0, "end_value": 0.1, "duration": 9}
WIDTHS = {"hidden": [5], "code": 4}
# What a config says of each beside its name.
ARGUMENTS = {
    "model": {
        "batch_topk_dictionary": {"code": 9, "k": 2},
        "conv_autoencoder": {"channels": [2, 3], "code": 4},
        "conv_encoder_decoder": {"channels": [2, 3], "skips": 1},
        "conv_variational_autoencoder": {"channels": [2], "code": 4},
        "deep_autoencoder": {"problem": "curves"},
        "jump_relu_dictionary": {"code": 9},
        "k_sparse_autoencoder": {**WIDTHS, "k": 2},
        "mlp_autoencoder": WIDTHS,
        "relu_dictionary": {"code": 9},
        "resample_dead": {
            "model": {"name": "topk_dictionary", "code": 9, "k": 2},
            "every": 3,
            "dead_after": 2,
        },
        "tied_autoencoder": WIDTHS,
        "topk_dictionary": {"code": 9, "k": 2},
        "variational_autoencoder": {**WIDTHS, "learnt_variance": True},
    },
    "loss": {
        "bce_mean": {},
        "bce_sum": {},
        "code_kl": {"weight": 0.1},
        "code_l0": {"weight": 0.1},
        "code_l1": {"weight": SCHEDULE},
        "elastic_penalty": {"l1": 0.1, "l2": 0.2},
        "gaussian_kl": {},
        "gaussian_nll": {"variance": "learnt"},
        "l1_penalty": {"weight": 0.1},
        "l2_penalty": {"weight": 0.1},
        "mse": {},
        "negative_elbo": {"likelihood": {"name": "gaussian_nll"}, "beta": 0.5},
        "revival": {},
        "sse": {},
        "total": {"terms": [{"name": "mse"}, {"name": "code_l1", "weight": 1e-3}]},
    },
    "metric": {
        "active_units": {},
        "code_l0": {},
        "dead_units": {},
        "fvu": {},
        "input_psnr": {},
        "knn_accuracy": {"k": 2},
        "linear_probe_accuracy": {},
        "mse": {},
        "psnr": {},
        "recovery": {"features": 5},
        "ssim": {"window": 7},
    },
    "corruption": {
        "blur": {"strength": 0.7},
        "clean": {},
        "gaussian_noise": {"strength": 0.3},
        "knockout": {"strength": 0.3},
        "knockout_block": {"strength": 0.3},
        "mixture": {"corruptions": [{"name": "clean"}, {"name": "blur", "strength": 1.0}]},
        "salt_and_pepper": {"strength": 0.3},
    },
    "data": {
        "arrays": {"path": "images.npy", "test": 0.2},
        "digits": {},
        "planted": {"count": 40, "inputs": 6, "features": 9, "active": 2},
        "synthetic": {"count": 40},
    },
}
# What is made of a function, which a config can hardly say, or of files; each has its own tests.
ELSEWHERE = {
    "data": {
        *("fashion_mnist", "from_arrays", "from_generator", "from_iterable", "from_source"),
        *("image_folder", "mnist", "stream"),
    },
    "metric": {"of_images"},
    "model": {"from_linen", "from_nnx"},
}
KINDS = tuple(ARGUMENTS)


def names(kind):
    """Return the exported functions of a kind that have an entry and no tests elsewhere."""
    return sorted(set(exported(kind)) & set(ARGUMENTS[kind]))


def exported(kind):
    return set(kinds()[kind].functions) - ELSEWHERE.get(kind, set())


def call(kind, name, arguments=None):
    """Return the call that a config means which says this of a part."""
    said = {"name": name, **(ARGUMENTS[kind][name] if arguments is None else arguments)}
    problems = Problems()
    node = parse(json.dumps(said), Where("config", 1, 1), problems)
    bound = Binder(kinds(), problems).call(node, (kind,), kind)
    problems.raise_if_any()
    return bound


@functools.cache
def make(kind, name):
    return call(kind, name).build()


def images(n=6, *, seed=0):
    """Return images that every part takes: large enough for the windows, no side a power of two."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, (n, 9, 10)).astype(np.float32)


def seen(n=6):
    """Return what a model that tells all could have made of a batch; all of it counts."""
    rng = np.random.default_rng(1)
    target = images(n)
    code, mean, log_variance = (rng.uniform(0.05, 0.95, (n, 4)).astype(np.float32) for _ in "abc")
    told = {"l0": np.sum(code, axis=1), "revived": images(n, seed=4)}
    output = Output(images(n, seed=2), code, Gaussian(mean, log_variance), jnp.float32(-1.0), told)
    params = {"decoder": {"kernel": rng.normal(size=(3, 2)).astype(np.float32)}}
    classes, given = np.eye(3, dtype=np.float32)[np.arange(n) % 3], images(n, seed=3)
    return Seen(output, target, params, jnp.int32(3), np.ones(n, np.float32), given, classes)


def some_of(whole, rows, weights):
    """Return the part of what was :func:`seen` that these rows are, counted so."""
    output = whole.output
    posterior = Gaussian(*(part[rows] for part in output.posterior))
    told = {name: part[rows] for name, part in output.told.items()}
    decoded, code = output.decoded[rows], output.code[rows]
    output = output._replace(decoded=decoded, code=code, posterior=posterior, told=told)
    target, given = whole.target[rows], whole.given[rows]
    counted, classes = np.asarray(weights, np.float32), whole.classes[rows]
    return whole._replace(
        output=output, target=target, given=given, weights=counted, classes=classes
    )
