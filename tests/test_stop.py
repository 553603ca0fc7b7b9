"""Requests to stop: an end in good order, now or at the next good moment."""

import os
import signal

import pytest

from workflow_src import logs, stop


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in stop.SIGNALS}
    for number in stop.SIGNALS:
        # Whoever started the tests may ignore some, as nohup does.
        signal.signal(number, signal.SIG_DFL)
    stop.obey()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", stop.SIGNALS)
def test_a_signal_ends_the_process_with_its_status(number):
    with pytest.raises(stop.Stopped) as caught:
        send(number)
    assert caught.value.code == 128 + number
    assert caught.value.signal == number.name


def test_a_postponed_signal_waits_until_it_is_asked_for(capfd):
    with stop.postponed() as asked:
        assert asked() is None
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        assert asked() is signal.SIGTERM
    assert capfd.readouterr().err == "SIGTERM: stopping after the current update\n"
    with stop.postponed() as asked:
        assert asked() is None
    with pytest.raises(stop.Stopped):
        send(signal.SIGTERM)


def test_a_signal_counts_before_it_is_spoken_of(monkeypatch):
    def full(message):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(logs, "say", full)
    with stop.postponed() as asked:
        with pytest.raises(OSError, match="No space"):
            send(signal.SIGTERM)
        assert asked() is signal.SIGTERM


def test_an_impatient_user_needs_to_wait_for_nothing():
    with stop.postponed():
        send(signal.SIGINT)
        with pytest.raises(stop.Stopped):
            send(signal.SIGINT)


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop.obey()
    send(signal.SIGHUP)
