"""The same autoencoder here.

Usage: python ae_optax_autoencoder.py [DATA] [EPOCHS]
"""

import sys

from flax import nnx

from ae_optax import compat
from ae_optax.lab import data, losses, models, training


class Autoencoder(nnx.Module):
    def __init__(self, shape, rngs):
        pixels = shape[0] * shape[1]
        self.fc1, self.fc2 = nnx.Linear(pixels, 512, rngs=rngs), nnx.Linear(512, 256, rngs=rngs)
        self.fc3, self.fc4 = nnx.Linear(256, 64, rngs=rngs), nnx.Linear(64, 256, rngs=rngs)
        self.fc5, self.fc6 = nnx.Linear(256, 512, rngs=rngs), nnx.Linear(512, pixels, rngs=rngs)

    def __call__(self, x):
        flat = x.reshape(len(x), -1)
        code = self.fc3(nnx.relu(self.fc2(nnx.relu(self.fc1(flat)))))
        hidden = nnx.relu(self.fc5(nnx.relu(self.fc4(code))))
        return nnx.sigmoid(self.fc6(hidden)).reshape(x.shape)


def main(name="mnist", epochs=5):
    training.fit(
        training.Task(models.from_nnx(Autoencoder), losses.mse(), getattr(data, name)()),
        compat.torch.adam(lr=1e-3),
        training.Settings(epochs=int(epochs), batch_size=128),
        on_epoch=lambda row: print(
            f"epoch {row.epoch}: loss {row.train_loss:.5f}, {row.seconds:.3f} s", flush=True
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
