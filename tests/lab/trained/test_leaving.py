"""What was trained goes elsewhere, as weights and as a program, and comes back."""

import os

import jax
import jax.export
import numpy as np
import pytest
import safetensors.numpy
from flax import nnx

from ae_optax.lab import data, losses, models
from ae_optax.lab.trained import (
    TrainedModel,
    import_torch,
    load,
    read_weights,
    transposed_convolution,
    write_program,
    write_weights,
)


@pytest.fixture
def model(logits):
    return load(logits).model


def assert_same(first, second):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    for one, other in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_are_called_by_their_paths_and_come_back(model, tmp_path):
    file = tmp_path / "model.safetensors"
    write_weights(model, file, about={"config": "data: {}"})
    arrays = safetensors.numpy.load_file(file)
    assert arrays["params/encoder/0/kernel"].shape == (20, 8)
    assert set(arrays) == {
        f"params/{part}/{layer}/{kind}"
        for part in ("encoder", "decoder")
        for layer in (0, 1)
        for kind in ("kernel", "bias")
    }
    params, state = read_weights(file, model.model, model.shape)
    assert_same((params, state), (model.params, model.model_state))


def test_what_a_model_remembers_beside_its_parameters_goes_with_it(tmp_path):
    class Normalised(nnx.Module):
        def __init__(self, shape, rngs):
            del shape
            self.norm = nnx.BatchNorm(1, rngs=rngs)

        def __call__(self, x):
            return self.norm(x[..., None])[..., 0]

    own = models.from_nnx(Normalised)
    params, state = own.init(jax.random.key(0), np.zeros((1, 5, 4), np.float32))
    state["norm"]["mean"] += 3
    write_weights(TrainedModel(own, losses.mse(), params, state, (5, 4)), tmp_path / "m")
    assert_same(read_weights(tmp_path / "m", own, (5, 4)), (params, state))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (models.mlp_autoencoder([8, 8], 3), "'params/decoder/2/bias' is missing"),
        (models.mlp_autoencoder([], 3), "arrays of the model only, got 'params/decoder/1/bias'"),
        (models.mlp_autoencoder([8], 4), r"'params/decoder/0/kernel' must have the shape \(4, 8\)"),
    ],
)
def test_weights_of_another_model_are_refused(model, other, message, tmp_path):
    write_weights(model, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=message):
        read_weights(tmp_path / "w.safetensors", other, model.shape)


def test_what_are_no_weights_is_refused(model, tmp_path):
    (tmp_path / "w").write_bytes(b"PK")
    with pytest.raises(ValueError, match="must be a safetensors file"):
        read_weights(tmp_path / "w", model.model, model.shape)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe: must be a file, got a pipe"):
        read_weights(tmp_path / "pipe", model.model, model.shape)


@pytest.mark.parametrize("function", ["encode", "decode", "reconstruct"])
def test_a_program_computes_the_same_for_any_batch(model, function, images, tmp_path):
    rows = model.encode(images) if function == "decode" else images
    write_program(model, tmp_path / "p.jax", function=function)
    program = jax.export.deserialize(bytearray((tmp_path / "p.jax").read_bytes()))
    for n in (1, 7):
        expected = getattr(model, function)(rows[:n])
        np.testing.assert_allclose(program.call(rows[:n]), expected, rtol=1e-5)


@pytest.mark.slow
def test_a_program_can_be_had_in_portable_bytecode(variational, tmp_path):
    write_program(variational.model, tmp_path / "p.mlir")
    content = (tmp_path / "p.mlir").read_bytes()
    assert content.startswith(b"ML\xefR")
    assert b"StableHLO_v" in content
    with pytest.raises(ValueError, match=r"`path` must end in \.mlir or \.jax"):
        write_program(variational.model, tmp_path / "p.onnx")


torch = pytest.importorskip("torch")


def test_weights_of_linear_layers_come_from_pytorch():
    theirs = torch.nn.Sequential(
        torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 64), torch.nn.Sigmoid()
    )
    ours, images = models.mlp_autoencoder([], 8, code_activation="relu"), data.digits().test
    params, state = ours.init(jax.random.key(0), images)
    layers = {"encoder/0": "0", "decoder/0": "2"}
    names = {
        f"{mine}/{kind}": f"{its}.{kind.replace('kernel', 'weight')}"
        for mine, its in layers.items()
        for kind in ("kernel", "bias")
    }
    params = import_torch(theirs.state_dict(), params, names)
    model = TrainedModel(ours, losses.mse(), params, state, (8, 8))
    with torch.no_grad():
        expected = theirs(torch.from_numpy(images.reshape(-1, 64))).numpy()
    np.testing.assert_allclose(
        model.reconstruct(images), expected.reshape(-1, 8, 8), rtol=1e-5, atol=1e-6
    )
    before = np.array(params["encoder"][0]["kernel"])
    with torch.no_grad():
        theirs[0].weight += 1
    np.testing.assert_array_equal(params["encoder"][0]["kernel"], before)


class Convolutions(nnx.Module):
    """What PyTorch users write: strided convolutions, a flat code, transposed convolutions."""

    def __init__(self, shape, rngs):
        del shape
        pads = ((1, 1), (1, 1))
        self.down = nnx.Conv(1, 3, (3, 3), 2, padding=pads, rngs=rngs)
        self.code = nnx.Linear(48, 5, rngs=rngs)
        self.open = nnx.Linear(5, 48, rngs=rngs)
        self.up = nnx.ConvTranspose(3, 1, (4, 4), (2, 2), padding=((2, 2), (2, 2)), rngs=rngs)

    def __call__(self, x):
        code = self.code(nnx.relu(self.down(x[..., None])).reshape(-1, 48))
        return self.up(self.open(code).reshape(-1, 4, 4, 3))[..., 0]


def test_weights_of_convolutions_come_from_pytorch():
    layers = {
        "down": torch.nn.Conv2d(1, 3, 3, 2, padding=1),
        "code": torch.nn.Linear(48, 5),
        "open": torch.nn.Linear(5, 48),
        "up": torch.nn.ConvTranspose2d(3, 1, 4, 2, padding=1),
    }
    theirs, images = torch.nn.ModuleDict(layers), data.digits().test[:20]
    names = {
        f"{name}/{kind}": f"{name}.{kind.replace('kernel', 'weight')}"
        for name in layers
        for kind in ("kernel", "bias")
    }
    names |= {
        "up/kernel": ("up.weight", transposed_convolution),
        # Channels come first there and last here.
        "code/kernel": (
            "code.weight",
            lambda w: w.reshape(-1, 3, 4, 4).transpose(2, 3, 1, 0).reshape(48, -1),
        ),
        "open/kernel": (
            "open.weight",
            lambda w: w.reshape(3, 4, 4, -1).transpose(3, 1, 2, 0).reshape(-1, 48),
        ),
        "open/bias": ("open.bias", lambda b: b.reshape(3, 4, 4).transpose(1, 2, 0).reshape(48)),
    }
    ours = models.from_nnx(Convolutions)
    params, state = ours.init(jax.random.key(0), images)
    params = import_torch(theirs.state_dict(), params, names)
    model = TrainedModel(ours, losses.mse(), params, state, (8, 8))
    with torch.no_grad():
        x = torch.relu(layers["down"](torch.from_numpy(images)[:, None]))
        expected = layers["up"](layers["open"](layers["code"](x.flatten(1))).view(-1, 3, 4, 4))
    np.testing.assert_allclose(model.reconstruct(images), expected[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"b": "b"}, "`names` must name every parameter, got none for 'a'"),
        ({"a": "x", "b": "b"}, "must be PyTorch's, got 'x' for 'a'; there are 'a', 'b'"),
        ({"a": "a", "b": "b", "c": "b"}, "must be of parameters only, got 'c'"),
        ({"a": "b", "b": "b"}, r"'a' must have the shape \(2,\), got \(3,\)"),
    ],
)
def test_a_path_map_must_fit(names, message):
    arrays = {"a": np.zeros(2), "b": np.zeros(3)}
    with pytest.raises(ValueError, match=message):
        import_torch(arrays, arrays, names)
