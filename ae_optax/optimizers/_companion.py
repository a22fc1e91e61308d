"""What leaves that are no matrices step by, where a rule is for matrices only."""

import optax

from ae_optax.transforms import add, average, chain, correct_bias, quotient, root, square


def companion(others: optax.GradientTransformation | None) -> optax.GradientTransformation:
    """Return ``others``, or for ``None`` Adam's direction as Muon's authors set it."""
    if others is not None:
        return others
    return quotient(
        numerator=chain(average(0.9), correct_bias(0.9)),
        denominator=chain(square(), average(0.95), correct_bias(0.95), root(), add(1e-10)),
    )
