"""An autoencoder in PyTorch.

Usage: python pytorch_autoencoder.py [DATA] [EPOCHS]
"""

import sys
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from ae_optax.lab import data


class Autoencoder(nn.Module):
    def __init__(self, pixels=784):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(pixels, 512), nn.Linear(512, 256)
        self.fc3, self.fc4 = nn.Linear(256, 64), nn.Linear(64, 256)
        self.fc5, self.fc6 = nn.Linear(256, 512), nn.Linear(512, pixels)

    def forward(self, x):
        code = self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))
        hidden = torch.relu(self.fc5(torch.relu(self.fc4(code))))
        return torch.sigmoid(self.fc6(hidden))


def main(name="mnist", epochs=5):
    images = torch.from_numpy(getattr(data, name)().train).flatten(1)
    loader = DataLoader(TensorDataset(images), batch_size=128, shuffle=True)
    model, criterion = Autoencoder(images.shape[1]), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(int(epochs)):
        start, total = time.perf_counter(), 0.0
        for (x,) in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), x)
            loss.backward()
            optimizer.step()
            total += loss.item()
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1}: loss {total / len(loader):.5f}, {seconds:.3f} s", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
