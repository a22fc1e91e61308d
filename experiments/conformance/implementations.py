"""Whose optimizers are tried, each with the ten lines that drive it."""

import contextlib
import functools
import importlib.metadata

import optax
from adapters import optax_like, torch_like
from checks import Implementation

import ae_optax as ao


def ours():
    """Yield those of this package."""

    def of(name, *, layout="out, in", **arguments):
        """Make one of it, each of its arguments from the number of that name."""

        def make(h):
            given = {ours: h[theirs] for ours, theirs in arguments.items() if theirs in h}
            axis = {"out_axis": 0} if name in ("muon", "normuon") else {}
            return optax_like(functools.partial(getattr(ao, name), **given, **axis))

        return Implementation(f"ae_optax {name}", name, make, layout)

    averages = {"b1": "b1", "b2": "b2", "weight_decay": "weight_decay"}
    turning = averages | {"refresh_every": "refresh_every"}
    yield of("soap", **turning, eps="eps")
    yield of("kl_shampoo", **turning, eps="eps")
    yield of("shampoo", **turning, eps="eps", start="start")
    yield of("splus", **turning, average_decay="average_decay")
    yield of("muon", momentum="momentum", weight_decay="weight_decay")
    yield of("normuon", momentum="momentum", b2="b2", weight_decay="weight_decay")


def of_optax():
    def make(h):
        return optax_like(
            lambda rate: optax.contrib.muon(
                rate, beta=h["momentum"], weight_decay=h["weight_decay"]
            )
        )

    yield Implementation("optax muon", "muon", make, "in, out")


def of_torch():
    import torch

    def make(h):
        return torch_like(
            lambda weights: torch.optim.Muon(
                weights,
                momentum=h["momentum"],
                weight_decay=h["weight_decay"],
                adjust_lr_fn=h.get("adjust_lr_fn"),
            )
        )

    yield Implementation("torch Muon", "muon", make)


def of_pytorch_optimizer():
    import pytorch_optimizer as po

    def given(make):
        return lambda h: torch_like(lambda weights: make(weights, h))

    def betas(h):
        return {"betas": (h["b1"], h["b2"]), "weight_decay": h["weight_decay"]}

    def matrices(weights):
        return [{"params": weights, "use_muon": True}]

    rules = {
        "SOAP": lambda w, h: po.SOAP(
            w, **betas(h), eps=h["eps"], precondition_frequency=h["refresh_every"]
        ),
        "SPlus": lambda w, h: po.SPlus(
            w, **betas(h), ema_rate=h["average_decay"], inverse_steps=h["refresh_every"]
        ),
        "ScalableShampoo": lambda w, h: po.ScalableShampoo(
            w,
            **betas(h),
            matrix_eps=h["eps"],
            start_preconditioning_step=h["start"],
            preconditioning_compute_steps=h["refresh_every"],
            shape_interpretation=False,
        ),
        "Muon": lambda w, h: po.Muon(
            matrices(w), momentum=h["momentum"], weight_decay=h["weight_decay"]
        ),
        "NorMuon": lambda w, h: po.NorMuon(
            matrices(w), momentum=h["momentum"], beta2=h["b2"], weight_decay=h["weight_decay"]
        ),
        "AdaMuon": lambda w, h: po.AdaMuon(
            matrices(w),
            betas=(h["momentum"], h["momentum"]),
            weight_decay=h["weight_decay"],
            eps=h["eps"],
        ),
    }
    for name, make in rules.items():
        family = "shampoo" if name == "ScalableShampoo" else name.lower()
        yield Implementation(f"pytorch-optimizer {name}", family, given(make))


def of_heavyball():
    import heavyball
    import torch

    heavyball.utils.compile_mode = None

    def soap(h):
        return torch_like(
            lambda weights: heavyball.SOAP(
                weights,
                betas=(h["b1"], h["b2"]),
                shampoo_beta=h["b2"],
                eps=h["eps"],
                weight_decay=h["weight_decay"],
                precondition_frequency=h["refresh_every"],
                merge_dims=False,
                storage_dtype=str(torch.get_default_dtype()).removeprefix("torch."),
            )
        )

    yield Implementation("heavyball SOAP", "soap", soap)


PACKAGES = {
    "ae_optax": ours,
    "optax": of_optax,
    "torch": of_torch,
    "pytorch-optimizer": of_pytorch_optimizer,
    "heavyball": of_heavyball,
}


def installed(packages=PACKAGES):
    """Return the implementations that are here, and of each package its version or why not."""
    found, versions = [], {}
    for name in packages:
        try:
            found += PACKAGES[name]()
            versions[name] = importlib.metadata.version(name)
        except ImportError as error:
            versions[name] = f"not here: {error}"
    return found, versions


@contextlib.contextmanager
def exact():
    """Compute in float64 what PyTorch's users compute in bfloat16 and float32."""
    import torch

    whole = torch.Tensor.clone
    default, kept = (
        torch.get_default_dtype(),
        {n: getattr(torch.Tensor, n) for n in ("bfloat16", "to")},
    )

    def to(self, *args, **kwargs):
        low = torch.bfloat16 in (*args, *kwargs.values())
        return whole(self) if low else kept["to"](self, *args, **kwargs)

    torch.Tensor.bfloat16, torch.Tensor.to = whole, to
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.Tensor.bfloat16, torch.Tensor.to = kept["bfloat16"], kept["to"]
        torch.set_default_dtype(default)
