"""Signals: a run is saved, and what a user wants to be ignored is ignored."""

import os
import signal

import pytest

from ae_optax.lab.cli import main
from ae_optax.lab.cli._signals import CODES, listening


@pytest.fixture
def heard():
    """Let no signal be ignored: a shell's background processes ignore SIGINT."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in CODES}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "code"), [("SIGHUP", 129), ("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_is_noted_with_its_code(number, code, capfd, heard):
    with listening() as stop:
        assert not stop()
        os.kill(os.getpid(), getattr(signal, number))
        os.kill(os.getpid(), signal.SIGTERM)  # The first one counts.
        assert stop()
    assert stop.code == code
    assert capfd.readouterr().err.count("stopping: the run is saved") == 1


def test_what_was_ignored_before_goes_on_being_ignored():
    before = {number: signal.signal(number, signal.SIG_IGN) for number in CODES}
    try:
        with listening() as stop:
            for number in CODES:
                os.kill(os.getpid(), number)
        assert not stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("number", ["SIGHUP", "SIGTERM"])
def test_a_command_that_is_told_to_end_unwinds(number, monkeypatch, capsys):
    done = []

    def explain(_):
        try:
            os.kill(os.getpid(), getattr(signal, number))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)  # A second one does not end the ending.
            done.append(True)

    monkeypatch.setattr("ae_optax.lab.cli._catalogue.show_explanation", explain)
    assert main(["explain", "adam"]) == CODES[getattr(signal, number)]
    assert done
    assert capsys.readouterr().err == "stopped\n"
