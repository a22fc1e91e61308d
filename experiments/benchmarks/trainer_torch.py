"""The trainer's contenders in PyTorch: the usual tutorial program, and the best reasonable one."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BATCH_SIZE = 128
LEARNING_RATE = 1e-3


def threads():
    return torch.get_num_threads()


def torch_eager(images):
    """The usual tutorial: `DataLoader(TensorDataset, shuffle=True)`, eager, default Adam."""
    images = torch.from_numpy(images.reshape(len(images), -1))
    loader = DataLoader(TensorDataset(images), batch_size=BATCH_SIZE, shuffle=True)
    model, criterion = autoencoder(), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)

    def run():
        total = 0.0
        for (x,) in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), x)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / len(loader)

    return run


def torch_compile(images):
    """Compiled forward and backward, fused Adam, data in memory, no wait for the loss."""
    images = torch.from_numpy(images.reshape(len(images), -1))
    model, criterion = autoencoder(), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    loss_of = torch.compile(lambda x: criterion(model(x), x), dynamic=False)

    def run():
        order = torch.randperm(len(images))
        total, batches = torch.zeros(()), order.split(BATCH_SIZE)
        for indices in batches:
            optimizer.zero_grad()
            loss = loss_of(images[indices])
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return total.item() / len(batches)

    return run


def autoencoder():
    return nn.Sequential(
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Linear(512, 256),
        nn.ReLU(),
        nn.Linear(256, 64),
        nn.Linear(64, 256),
        nn.ReLU(),
        nn.Linear(256, 512),
        nn.ReLU(),
        nn.Linear(512, 784),
        nn.Sigmoid(),
    )
