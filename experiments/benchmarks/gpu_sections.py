"""What is measured on a GPU: each section a function from whether to be tiny to plain numbers."""

import functools
import itertools
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ae_optax
from ae_optax.lab import losses, models, training

RATE = 1e-3
GRAPHS = "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,WHILE,CONDITIONAL"
"""What CUDA graphs may hold: loops too, which they do not by default."""


def measure(section, tiny):
    """Return what a section finds, and the card it ran on."""
    device = jax.devices()[0]
    return {"device": device.device_kind, "found": SECTIONS[section](tiny)}


def products(tiny):
    """Return the rate of square matrix products, as the caller asks for precision."""
    size = 256 if tiny else 8192
    kinds = {
        "float32": (jnp.float32, "highest"),
        "default": (jnp.float32, None),
        "bfloat16": (jnp.bfloat16, None),
    }
    found = {}
    for name, (kind, precision) in kinds.items():
        x = jnp.full((size, size), 1 / size, kind)
        multiply = jax.jit(lambda x, y, p=precision: jnp.matmul(x, y, precision=p))
        seconds = _seconds(functools.partial(multiply, x, x), tiny)
        found[name] = {"TFLOP/s": 2e-12 * size**3 / seconds}
    return found


def small_batch(tiny):
    """Return the trainer beside others at the batch of the reference autoencoder."""
    return _trainers(*(([32], 8, 512, 128) if tiny else ([512, 256], 64, 51200, 128)), tiny)


def large_batch(tiny):
    """Return the same for a wide network, where products should be all that counts."""
    return _trainers(*(([64], 8, 512, 256) if tiny else ([4096, 4096], 256, 65536, 4096)), tiny)


def update(tiny):
    """Return the update of a hundred million parameters, in bytes a second beside a copy.

    Seven arrays are the least: gradient, parameters and two moments read, the last three written.
    """
    size, leaves = (10**6 if tiny else 10**8), 10
    x = jnp.ones(size)
    copy = 8e-9 * size / _seconds(_again(lambda x: x + 1, x), tiny)
    params = [jnp.ones(size // leaves)] * leaves
    rules = {
        "ours": ae_optax.adam(RATE),
        "ours, adamw": ae_optax.adamw(RATE),
        "optax": optax.adam(RATE),
    }
    found = {"copy": {"GB/s": copy}}
    for name, rule in rules.items():
        step = _again(_update(rule), (params, jax.jit(rule.init)(params)), params)
        rate = 28e-9 * size / _seconds(step, tiny)
        found[name] = {"GB/s": rate, "of copy": rate / copy}
    return found


def leaves(tiny):
    """Return the update of a thousand small leaves, where starting kernels is what counts."""
    params = {str(i): jnp.ones(64) for i in range(20 if tiny else 1000)}
    rules = {
        "ours": ae_optax.adam(RATE),
        "ours, flatten": ae_optax.flatten(ae_optax.adam(RATE)),
        "optax": optax.adam(RATE),
    }
    found = {}
    for name, rule in rules.items():
        step, carry = _update(rule), (params, jax.jit(rule.init)(params))
        began = time.perf_counter()
        lowered = jax.jit(step).lower(carry, params)
        traced = time.perf_counter()
        lowered.compile()
        compiled = time.perf_counter()
        found[name] = {
            "trace s": traced - began,
            "compile s": compiled - traced,
            "step ms": 1e3 * _seconds(_again(step, carry, params), tiny),
        }
    return found


def digits_runs(tiny):
    """Return the 135 runs of the digits comparison, one by one and as lanes of one program."""
    sizes = (256, 9, 1, (1, 9)) if tiny else (1437, 135, 10, (1, 8, 27, 135))
    return _lanes(models.mlp_autoencoder([32], 8), (8, 8), *sizes, tiny)


def convolutional_runs(tiny):
    """Return runs of a convolutional model as lanes: their convolutions become grouped ones."""
    sizes = (128, 4, 1, (1, 4)) if tiny else (2048, 8, 2, (1, 8))
    return _lanes(models.conv_autoencoder([8, 16], 16), (16, 16, 1), *sizes, tiny)


def matrix_steps(tiny):
    """Return what a step of matrix rules takes beside Adam's, and what it is made of."""
    hidden, batch = ([64], 64) if tiny else ([1000, 500, 250], 1000)
    model = models.mlp_autoencoder(hidden, 30, output="linear")
    images = jnp.asarray(np.random.default_rng(0).random((batch, 28, 28)), jnp.float32)
    rules = {
        "adam": ae_optax.adam(RATE),
        "muon": ae_optax.muon(RATE),
        "muon, polar factor": ae_optax.muon(RATE, orthogonalizer=ae_optax.polar_factor()),
        "soap": ae_optax.soap(RATE),
        "soap, blocks of 250": ae_optax.soap(RATE, block_size=250),
        "soap, blocks of 250, rolling": ae_optax.soap(
            RATE, block_size=250, refresh_every=ae_optax.rolling(10)
        ),
        "shampoo, eigendecomposition": ae_optax.shampoo(RATE, block_size=250),
        "shampoo, products": ae_optax.shampoo(RATE, block_size=250, root=ae_optax.product_root()),
    }
    task = training.Task(model, losses.mse())
    found = {}
    for name, rule in rules.items():
        twenty = functools.partial(_twenty, training.make_step(task, rule))
        run = _again(twenty, training.init_state(model, rule, images, 0), images)
        found[name] = {"step ms": 1e3 * _seconds(run, tiny, 5) / 20}
    size, number = (32, 2) if tiny else (250, 32)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(number, size, size)), jnp.float32)
    parts = {
        "product": lambda x: x @ x,
        "qr": lambda x: jnp.linalg.qr(x).Q,
        "eigh": lambda x: jnp.linalg.eigh(x @ x.mT)[1],
        "cholesky-qr, twice": lambda x: _cholesky_qr(_cholesky_qr(x)),
    }
    for name, part in parts.items():
        run = functools.partial(jax.jit(part), x)
        found[f"{number} of {size}: {name}"] = {"ms": 1e3 * _seconds(run, tiny)}
    return found


def _twenty(step, state, x):
    return jax.lax.fori_loop(0, 20, lambda _, state: step(state, x, None)[0], state)


def _cholesky_qr(x):
    """Return the orthogonal factor by products and triangles, which a GPU computes in stacks."""
    x = x / jnp.linalg.norm(x, axis=-2, keepdims=True)
    gram = x.mT @ x
    shift = 1e-5 * jnp.max(jnp.sum(jnp.abs(gram), -1), -1)[:, None, None]
    lower = jnp.linalg.cholesky(gram + shift * jnp.eye(x.shape[-1]))
    return jax.lax.linalg.triangular_solve(lower, x, lower=True, transpose_a=True)


SECTIONS = {
    "products": products,
    "matrix steps": matrix_steps,
    "trainer, batch 128": small_batch,
    "update": update,
    "135 runs": digits_runs,
    "trainer, batch 4096": large_batch,
    "convolutional runs": convolutional_runs,
    "1000 leaves": leaves,
}


def _seconds(run, tiny, repetitions=9):
    """Return the median seconds of a call, after one that compiles and one that warms up."""
    jax.block_until_ready(run())
    jax.block_until_ready(run())
    found = []
    for _ in range(2 if tiny else repetitions):
        began = time.perf_counter()
        jax.block_until_ready(run())
        found.append(time.perf_counter() - began)
    return float(np.median(found))


def _again(step, carry, *rest, **options):
    """Return what calls a compiled step again and again, its first argument donated."""
    compiled = jax.jit(step, donate_argnums=0, **options)
    held = jax.tree.map(jnp.copy, carry)

    def run():
        nonlocal held
        held = compiled(held, *rest)
        return held

    return run


def _update(rule):
    def step(carry, gradients):
        params, state = carry
        updates, state = rule.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    return step


def _trainers(hidden, code, n, batch, tiny):
    """Return images a second of the package's epoch, a plain JAX loop, and PyTorch compiled."""
    images = np.random.default_rng(0).random((n, 28, 28), np.float32)
    model, steps = models.mlp_autoencoder(hidden, code), n // batch
    widths = (784, *hidden, code, *hidden[::-1], 784)
    flop = 6 * batch * sum(a * b for a, b in itertools.pairwise(widths))

    def ours(model=model, on_non_finite="abort", **options):
        task = training.Task(model, losses.mse())
        optimizer = ae_optax.adam(RATE)
        step = training.make_step(task, optimizer, on_non_finite=on_non_finite)
        epoch = training.make_epoch(step, batch)
        x = jnp.asarray(images)
        state = jax.jit(lambda x: training.init_state(model, optimizer, x, 0))(x)
        return _seconds(_again(lambda s, x: epoch(s, x)[0], state, x, **options), tiny, 5)

    tries = {
        "ours": ours,
        "ours, skipping what is not finite": lambda: ours(on_non_finite="skip"),
        "ours, bfloat16 products": lambda: ours(_in_bfloat16(model)),
        "plain JAX loop": lambda: _seconds(_plain_loop(model, images, batch), tiny, 3),
        "torch.compile": lambda: _seconds(
            _compiled_torch(widths, len(hidden), images, batch, tiny), tiny, 3
        ),
    }
    if jax.default_backend() == "gpu":
        graphs = {"xla_gpu_enable_command_buffer": GRAPHS}
        tries["ours, CUDA graphs"] = lambda: ours(compiler_options=graphs)
    found = {}
    for name, call in tries.items():
        try:
            took = call()
        except Exception as error:  # What fails is a finding too.
            found[name] = {"failed": f"{type(error).__name__}: {error}"[:200]}
        else:
            found[name] = {"images/s": steps * batch / took, "TFLOP/s": 1e-12 * flop * steps / took}
    return found


def _in_bfloat16(model):
    """Return a model whose products are of bfloat16; parameters and optimizer stay float32."""

    def apply(params, state, x, key, train):
        low = jax.tree.map(lambda a: a.astype(jnp.bfloat16), (params, state, x))
        out, state = model.apply(*low, key, train)
        return jax.tree.map(lambda a: a.astype(jnp.float32), out), state

    return model._replace(apply=apply)


def _plain_loop(model, images, batch):
    """A good tutorial: one jitted step with `optax.adam`, called for each batch."""
    rule, rng = optax.adam(RATE), np.random.default_rng(0)
    x = jnp.asarray(images)
    params, state = model.init(jax.random.key(0), x[:1])

    @jax.jit
    def step(carry, x, indices):
        chosen = x[indices]

        def loss(params):
            out, _ = model.apply(params, state, chosen, jax.random.key(0), True)
            return jnp.mean((out.decoded - chosen) ** 2)

        return _update(rule)(carry, jax.grad(loss)(carry[0]))

    carry = (params, rule.init(params))

    def run():
        nonlocal carry
        order = rng.permutation(len(images)).astype(np.int32)
        for indices in order[: len(images) // batch * batch].reshape(-1, batch):
            carry = step(carry, x, indices)
        return carry

    return run


def _compiled_torch(widths, code_layer, images, batch, tiny):
    """The best reasonable program in PyTorch: compiled, fused Adam, data on the device, TF32."""
    # What is tiny needs no code generator, which takes a minute of a CPU.
    backend = "eager" if tiny else "inductor"
    import torch

    torch.set_float32_matmul_precision("high")  # TF32, which JAX takes by default.
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layers = []
    for i, (a, b) in enumerate(itertools.pairwise(widths)):
        last, code = i == len(widths) - 2, i == code_layer
        nonlinear = torch.nn.Sigmoid() if last else torch.nn.Identity() if code else torch.nn.ReLU()
        layers += [torch.nn.Linear(a, b), nonlinear]
    network = torch.nn.Sequential(*layers).to(device)
    x = torch.from_numpy(images.reshape(len(images), -1)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)

    @functools.partial(torch.compile, backend=backend, dynamic=False)
    def value(x):
        return torch.nn.functional.mse_loss(network(x), x)

    def run():
        order = torch.randperm(len(x), device=device)
        for indices in order[: len(x) // batch * batch].split(batch):
            optimizer.zero_grad()
            value(x[indices]).backward()
            optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return run


def _lanes(model, shape, n, runs, epochs, lanes, tiny):
    """Return seconds for all runs, so many side by side."""
    rng = np.random.default_rng(0)
    images = training.Images(
        *(jnp.asarray(rng.random((k, *shape), np.float32)) for k in (n, 180, 180, 10))
    )
    task = training.Task(model, losses.mse())
    settings = training.Settings(epochs=epochs, batch_size=64)
    start = training.make_start(task)
    run = training.make_run_from(task, ae_optax.adam, settings)

    def seconds(width):
        several = jax.jit(
            jax.vmap(lambda r, s, x: run(r, s, x).rows["test_loss"][-1], (0, 0, None))
        )
        begun = jax.jit(jax.vmap(start, (0, None)))(jnp.arange(width), images)
        rates = jnp.linspace(1e-4, 1e-2, width)
        return _seconds(lambda: several(rates, begun, images), tiny, 3) * runs / width

    alone = seconds(1)
    found = {"one by one": {"seconds": alone, "times as fast": 1.0}}
    for width in lanes[1:]:
        took = seconds(width)
        found[f"{width} lanes"] = {"seconds": took, "times as fast": alone / took}
    return found
