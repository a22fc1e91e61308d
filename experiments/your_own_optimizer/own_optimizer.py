"""An optimizer that the package does not have."""

from ae_optax import absolute, add, average, chain, correct_bias, quotient, scale_by_learning_rate


def mean_size(learning_rate, *, b1=0.9, b2=0.999, eps=1e-8):
    return chain(
        quotient(
            numerator=chain(average(b1), correct_bias(b1)),
            denominator=chain(absolute(), average(b2), correct_bias(b2), add(eps)),
        ),
        scale_by_learning_rate(learning_rate),
    )
