"""A statistic that learns one gradient in so many."""

from ae_optax._checks import check_positive_integer
from ae_optax._due import if_due
from ae_optax._numbers import whole
from ae_optax._piece import check_piece
from ae_optax.transforms._statistics import Statistic, Wrapped


class Thinned(Wrapped):
    """See :func:`thinned`."""

    def __init__(self, statistic: Statistic, steps: int):
        super().__init__(statistic)
        self.steps = steps

    def __repr__(self) -> str:
        """Return the call."""
        return f"thinned({self.statistic!r}, steps={self.steps})"

    def learn(self, kept, seen):
        """Return what is known after one more gradient, if it is the turn of that."""
        before = seen.count - 1
        own = seen._replace(count=before // whole(self.steps) + 1)
        due = before % whole(self.steps) == 0
        return if_due(due, lambda old: self.statistic.learn(old, own), kept)


def thinned(statistic: Statistic, *, steps: int) -> Statistic:
    r"""Let a statistic learn one gradient in so many, the first and every so many steps another.

    Most of what statistics cost is their products. An average of decay :math:`\rho` then spans
    about :math:`k / (1 - \rho)` steps.

    Args:
        statistic: What is learned, ``gram(b2)`` for instance.
        steps: :math:`k`, at least 1.

    Returns:
        A statistic for :func:`in_basis` and :func:`precondition`.

    Raises:
        ValueError: If ``steps`` is less than 1.
        TypeError: If ``statistic`` is none or ``steps`` no integer.

    References:
        Anil, Gupta, Koren, Regan and Singer, `Scalable Second Order Optimization for Deep Learning
        <https://arxiv.org/abs/2002.09018>`_, 2020.
    """
    check_piece("statistic", statistic, Statistic)
    check_positive_integer("steps", steps)
    return Thinned(statistic, steps)
