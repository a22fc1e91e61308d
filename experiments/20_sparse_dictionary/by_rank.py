"""How well frequent and rare features are found, which a mean over all does not tell."""

import jax.numpy as jnp

from ae_optax.lab.data import planted_features
from ae_optax.lab.metrics import Metric

QUARTER = 4


def ranks(features):
    """Return the last rank of each group of features: a quarter of all, of those before, ..."""
    edges = [features]
    while edges[-1] > 4 * QUARTER:
        edges.append(edges[-1] // QUARTER)
    return edges[::-1]


def found_by_rank(*, features: int, seed: int = 0) -> Metric:
    """Measure the mean cosine of planted features and their nearest entries, by frequency."""

    def start(seen):
        return jnp.zeros_like(seen.params["decoder"]["kernel"])

    def add(sums, seen):
        del sums  # Parameters do not change while a set is seen.
        return seen.params["decoder"]["kernel"]

    def finish(entries):
        planted = jnp.asarray(
            planted_features(entries.shape[1], features, seed=seed), entries.dtype
        )
        lengths = jnp.linalg.norm(entries, axis=1, keepdims=True)
        best = jnp.max(planted @ (entries / jnp.maximum(lengths, 1e-12)).T, axis=1)
        edges = ranks(features)
        groups = zip([0, *edges], edges, strict=False)
        return {f"cosine_to_{last}": jnp.mean(best[first:last]) for first, last in groups}

    return Metric(start, add, finish)
