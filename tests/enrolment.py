"""What is put to a test is found in `__all__`; a name that lacks what the test needs says where.

At collection only the names with an entry are taken, so that one lack does not hide all tests.
"""

MATRIX_OPTIMIZERS = (
    "kl_shampoo",
    "muon",
    "normuon",
    "psgd_kron",
    "shampoo",
    "soap",
    "soap_muon",
    "sonew",
    "splus",
)
"""They treat a matrix as a whole: no rule of single coordinates says what they do."""

LAYER_OPTIMIZERS = ("ekfac", "kbfgs", "kfac", "kfac_eigen", "tnt")
"""They do so by what each layer saw."""


_OF_THE_SAME_PIECES = {
    *("kl_shampoo", "psgd_kron", "shampoo", "soap_muon", "sonew", "splus"),  # As `soap`.
    "normuon",  # As `muon`.
    *("ekfac", "kbfgs", "kfac_eigen", "tnt"),  # As `kfac`.
}
_OF_PIECES_OF_THEIR_OWN = {
    *("compat.keras.adam, with options", "compat.keras.ftrl", "compat.keras.muon"),
    *("compat.torch.adafactor", "compat.torch.asgd", "compat.torch.muon", "compat.torch.sgd"),
    *("compat.keras.reduce_lr_on_plateau", "compat.torch.reduce_lr_on_plateau"),
}


def is_of_tried_pieces(name):
    """Tell whether nothing in a transformation handles leaves by itself.

    Its pieces, transformations like itself, are tried, and so is another that is made of them: its
    own contract is tried with the slow tests.
    """
    return name in _OF_THE_SAME_PIECES or (
        name.startswith("compat.") and name not in _OF_PIECES_OF_THEIR_OWN
    )


def assert_entries(table, names, *, at, entry):
    """Fail unless there is an entry for each name and none besides; say where it goes and what.

    Args:
        table: The entries by name.
        names: Those that must have one.
        at: The file and the table.
        entry: What an entry says.
    """
    missing, spare = sorted(set(names) - set(table)), sorted(set(table) - set(names))
    assert not missing, f"{at} must have an entry for {', '.join(missing)}: {entry}."
    assert not spare, f"{at} has entries for what is not exported: {', '.join(spare)}."
