"""Downloads: verified before they are kept, from the next mirror if one fails, and never by chance.

A small set stands for the real ones and, for all but one test, a function for the network.
"""

import contextlib
import functools
import gzip
import hashlib
import http.server
import os
import shutil
import socket
import threading

import numpy as np
import pytest

from ae_optax.lab.data import DataError, _fetch, _mnist, fetch
from ae_optax.lab.data._fetch import fetch_recipe
from ae_optax.lab.data._idx import header, read_images
from ae_optax.lab.data._mnist import FASHION_MNIST, MNIST, load

TRAIN, TEST = "train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"


def idx(images):
    return header(images) + images.tobytes()


IMAGES = {
    name: np.random.default_rng(seed).integers(0, 256, (count, 3, 4), dtype=np.uint8)
    for seed, (name, count) in enumerate({TRAIN: 10, TEST: 5}.items())
}


class Network:
    """What the mirrors have, by address; an exception is raised."""

    def __init__(self, **mirrors):
        self.contents = {
            f"{mirror}/{name}": content
            for mirror, files in mirrors.items()
            for name, content in files.items()
        }
        self.asked = []

    def __call__(self, address, file):
        self.asked.append(address)
        content = self.contents.get(address, OSError("404 Not Found"))
        if isinstance(content, Exception):
            raise content
        file.write_bytes(content)


LABELS = {
    name: np.arange(count, dtype=np.uint8)
    for name, count in (("train-labels-idx1-ubyte.gz", 10), ("t10k-labels-idx1-ubyte.gz", 5))
}
SMALL = MNIST._replace(
    count=10,
    checksums=tuple(hashlib.md5(idx(images)).hexdigest() for images in IMAGES.values()),
    label_checksums=tuple(hashlib.md5(idx(labels)).hexdigest() for labels in LABELS.values()),
    mirrors=("first", "second"),
)
GOOD = {name: gzip.compress(idx(array), mtime=0) for name, array in (IMAGES | LABELS).items()}


def names_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_is_fetched_is_what_the_set_is_loaded_from(tmp_path):
    place = fetch_recipe(SMALL, folder=tmp_path, download=Network(first=GOOD))
    assert place == tmp_path / "mnist"
    assert names_in(tmp_path) == sorted(GOOD)
    data = load(SMALL, path=tmp_path, validation=2)
    np.testing.assert_array_equal(data.test, IMAGES[TEST] / np.float32(255))
    assert data.labels is not None
    assert data.labels.test.tolist() == [0, 1, 2, 3, 4]


def test_the_next_mirror_is_tried_and_files_that_are_there_are_left_alone(tmp_path):
    network = Network(first={TEST: GOOD[TEST]}, second=GOOD)
    fetch_recipe(SMALL, folder=tmp_path, download=network)
    asked = [f"first/{TRAIN}", f"second/{TRAIN}", f"first/{TEST}"]
    assert network.asked == [
        *asked,
        *(f"{m}/{name}" for name in LABELS for m in ("first", "second")),
    ]
    again = Network()
    fetch_recipe(SMALL, folder=tmp_path, download=again)
    assert again.asked == []


def test_a_copy_that_is_damaged_is_replaced(tmp_path):
    place = fetch_recipe(SMALL, folder=tmp_path, download=Network(first=GOOD))
    (place / TEST).write_bytes(GOOD[TEST][:-9])
    network = Network(first=GOOD)
    fetch_recipe(SMALL, folder=tmp_path, download=network)
    assert network.asked == [f"first/{TEST}"]
    np.testing.assert_array_equal(read_images(place / TEST), IMAGES[TEST])


def test_another_compression_of_the_same_images_is_accepted(tmp_path):
    every = (IMAGES | LABELS).items()
    other = {name: gzip.compress(idx(array), 1, mtime=7) for name, array in every}
    fetch_recipe(SMALL, folder=tmp_path, download=Network(first=other))


BAD = {
    "half": GOOD[TRAIN][:50],
    "page": b"<html>Sign in to this network</html>",
    "empty": b"",
    "others": gzip.compress(idx(IMAGES[TRAIN] ^ 1)),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_is_not_right_is_not_kept_and_the_next_mirror_is_tried(tmp_path, bad):
    network = Network(first={**GOOD, TRAIN: bad}, second=GOOD)
    place = fetch_recipe(SMALL, folder=tmp_path, download=network)
    np.testing.assert_array_equal(read_images(place / TRAIN), IMAGES[TRAIN])
    assert names_in(tmp_path) == sorted(GOOD)


def test_when_no_mirror_has_it_the_message_says_what_each_gave(tmp_path):
    network = Network(first={TRAIN: BAD["others"]}, second={TRAIN: BAD["page"]})
    with pytest.raises(DataError) as caught:
        fetch_recipe(SMALL, folder=tmp_path, download=network)
    message = str(caught.value)
    assert "\n" not in message
    start = f"{tmp_path}/mnist/{TRAIN}: MNIST's training images could not be fetched. Tried "
    assert message.startswith(f"{start}first/{TRAIN}: wrong checksum: MNIST's training images have")
    assert f"; second/{TRAIN}: what came: is no intact gzip file: " in message
    assert message.endswith(". Put a copy of the file there yourself, or try again later.")
    assert names_in(tmp_path) == []


def test_without_a_network_the_message_says_so(tmp_path):
    with pytest.raises(DataError, match=r"first/train.*: 404 Not Found; second/train.*: 404 Not"):
        fetch_recipe(SMALL, folder=tmp_path, download=Network())


def test_an_interrupted_download_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fetch_recipe(SMALL, folder=tmp_path, download=interrupted)
    assert names_in(tmp_path) == []


def interrupted(address, file):
    file.write_bytes(b"half")
    raise KeyboardInterrupt


def test_sets_go_where_they_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AE_OPTAX_DATA", str(tmp_path / "mine"))
    network = Network(first=GOOD)
    place = fetch_recipe(SMALL, folder=None, download=network)
    assert place == tmp_path / "mine" / "mnist"
    monkeypatch.delenv("AE_OPTAX_DATA")
    assert fetch_recipe(SMALL, folder=None, download=network).resolve() == tmp_path / "data/mnist"
    assert load(SMALL, path=None, validation=2).source == str(tmp_path / "data" / "mnist")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "mnist").write_text("")
    with pytest.raises(DataError, match="mnist: cannot be made: File exists"):
        fetch_recipe(SMALL, folder=tmp_path, download=Network(first=GOOD))


def test_only_known_sets_are_fetched():
    with pytest.raises(ValueError, match="`name` must be one of mnist, fashion_mnist, got 'dig"):
        fetch("digits")


def test_what_a_killed_download_left_is_removed_and_what_may_still_run_is_not(tmp_path):
    place = tmp_path / "mnist"
    place.mkdir()
    old, young, own = (place / name for name in (f".17-{TRAIN}", f".18-{TEST}", ".notes"))
    for file in (old, young, own):
        file.write_bytes(b"half")
    os.utime(old, (0, 0))
    os.utime(own, (0, 0))
    fetch_recipe(SMALL, folder=tmp_path, download=Network(first=GOOD))
    assert names_in(tmp_path) == sorted([young.name, own.name, *GOOD])


@pytest.mark.parametrize("recipe", [MNIST, FASHION_MNIST], ids=lambda recipe: recipe.name)
def test_there_are_several_mirrors(recipe):
    assert len(set(recipe.mirrors)) >= 2
    assert all(mirror.startswith("http") and mirror[-1] != "/" for mirror in recipe.mirrors)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextlib.contextmanager
def served(folder):
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Serve a folder, in which the mirror `good` has what there is; its address is `site.name`."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "site" / "good"
    folder.mkdir(parents=True)
    for name, content in GOOD.items():
        (folder / name).write_bytes(content)
    with served(tmp_path / "site") as address:
        mirrors = (f"{address}/gone", f"{address}/good")
        monkeypatch.setitem(_mnist.RECIPES, "mnist", SMALL._replace(mirrors=mirrors))
        yield folder


def test_files_are_fetched_from_a_server(tmp_path, site):
    place = fetch("mnist", folder=tmp_path / "new")
    for name, images in IMAGES.items():
        np.testing.assert_array_equal(read_images(place / name), images)
    shutil.rmtree(site)
    (place / TEST).unlink()
    with pytest.raises(DataError, match=f"good/{TEST}: HTTP Error 404: File not found"):
        fetch("mnist", folder=tmp_path / "new")


@pytest.mark.parametrize(
    ("bound", "value", "reason"),
    [("LARGEST", 20, "sent more than 20 bytes"), ("LONGEST", -1, "took more than -1 seconds")],
)
def test_a_mirror_that_sends_too_much_or_too_long_is_given_up(
    tmp_path, site, monkeypatch, bound, value, reason
):
    monkeypatch.setattr(_fetch, bound, value)
    with pytest.raises(DataError, match=f"good/{TRAIN}: {reason}"):
        fetch("mnist", folder=tmp_path / "new")
    assert names_in(tmp_path / "new") == []


def test_a_mirror_that_is_silent_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(_fetch, "SILENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        mirror = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        recipe = SMALL._replace(mirrors=(mirror,))
        with pytest.raises(DataError, match=f"{TRAIN}: timed out"):
            fetch_recipe(recipe, folder=tmp_path, download=_fetch.download)
