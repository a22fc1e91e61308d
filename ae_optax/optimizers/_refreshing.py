"""The argument ``refresh_every`` of matrix optimizers."""

from ae_optax._checks import check_positive_integer
from ae_optax.transforms import Refresh, every


def refreshing(refresh_every: int | Refresh) -> Refresh:
    """Return a rule: the one that is given, or once every so many steps."""
    if isinstance(refresh_every, Refresh):
        return refresh_every
    check_positive_integer("refresh_every", refresh_every)
    return every(refresh_every)
