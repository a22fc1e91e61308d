"""Names that were others once, so that whoever gives an old one is told the present one."""

FUNCTIONS = {"look_ahead": "nesterov_point"}

ARGUMENTS = {
    (function, "decay"): "momentum"
    for function in (
        "classical_momentum",
        "momentum",
        "nesterov",
        "nesterov_point",
        "scale_by_momentum",
        "scale_by_nesterov",
    )
}
"""The present name of an argument, by its function and by what it was called."""
