"""Signals, each case in a process of its own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scorax.cli._signals import Signals

pytestmark = pytest.mark.reliability

PRELUDE = """
import hashlib, os, signal, sys, time
from scorax._errors import ScoraxError
from scorax.cli._signals import Signals

def send(number):
    os.kill(os.getpid(), number)

def stuck():
    # Like a compile: many seconds in one C call without the GIL, where Python runs no handler.
    hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000_000)

def work(signals):
    while True:
        if signals.poll() == "save":
            print("saved", flush=True)
        time.sleep(0.01)

try:
    with Signals(OPTIONS) as signals:
        print("ready", flush=True)
        BODY
    print("finished", flush=True)
except ScoraxError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def _start(options: str, body: str) -> subprocess.Popen[str]:
    script = PRELUDE.replace("OPTIONS", options).replace("BODY", body)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def _end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=15)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_polled_work_ends_by_an_error_with_its_exit_code(number: signal.Signals, code: int) -> None:
    process = _start("polled=True", "work(signals)")
    process.send_signal(number)
    assert _end(process) == (code, "", f"stopped by {number.name}\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_other_work_ends_at_once_whatever_it_is_doing(number: signal.Signals, code: int) -> None:
    # An exception raised by a handler would be printed and forgotten in a destructor: none is raised.
    body = """
        class Closing:
            def __del__(self):
                print("closing", flush=True)
                time.sleep(60)
        Closing()
"""
    process = _start("grace=60", body.strip())
    assert process.stdout is not None
    assert process.stdout.readline() == "closing\n"
    process.send_signal(number)
    assert _end(process) == (code, "", f"scorax: error: stopped by {number.name}\n")


def test_polled_work_ends_only_where_it_polls() -> None:
    body = "send(signal.SIGTERM); time.sleep(0.2); print('unharmed', flush=True); work(signals)"
    code, out, err = _end(_start("polled=True, hint=lambda: '; go on with --resume'", body))
    assert (code, out, err) == (143, "unharmed\n", "stopped by SIGTERM; go on with --resume\n")


@pytest.mark.parametrize("polled", [True, False])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_watcher_ends_a_process_that_is_stuck(polled: bool, number: signal.Signals, code: int) -> None:
    process = _start(f"polled={polled}, grace=0.3", "stuck()")
    time.sleep(0.2)
    process.send_signal(number)
    status, out, err = _end(process)
    assert (status, out) == (code, "")
    assert err.startswith(f"scorax: error: stopped by {number.name}")


def test_default_grace_keeps_the_promise_of_ten_seconds() -> None:
    assert Signals()._grace < 10


def test_second_interrupt_leaves_at_once_and_says_how_to_go_on() -> None:
    process = _start("polled=True, grace=60, hint=lambda: '; go on with --resume'", "stuck()")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert _end(process) == (130, "", "scorax: error: stopped by SIGINT; go on with --resume\n")


def test_what_is_being_written_goes_with_the_process(tmp_path: Path) -> None:
    script = """
import sys, time
from scorax._write import replacing
from scorax.cli._signals import Signals
with Signals(), replacing(sys.argv[1]) as file:
    file.write(b"half")
    print("ready", flush=True)
    time.sleep(60)
"""
    line = [sys.executable, "-c", script, str(tmp_path / "out.csv")]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(signal.SIGTERM)
    assert _end(process)[0] == 143
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wait", [0.0, 0.3, 0.6])
def test_two_interrupts_in_a_row_print_one_line(wait: float, tmp_path: Path) -> None:
    # From the import of scorax to the end of the interpreter: in the imports of a command, in its work, at its end.
    ready = tmp_path / "ready"
    script = f"import pathlib, sys; from scorax.cli import main; pathlib.Path({str(ready)!r}).touch(); sys.exit(main())"
    line = [sys.executable, "-c", script, "simulate", "brownian", "-o", str(tmp_path / "p.png"), "--paths", "100000"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not ready.exists():
        time.sleep(0.01)
    time.sleep(0.2 + wait)
    process.send_signal(signal.SIGINT)
    time.sleep(0.15)
    process.send_signal(signal.SIGINT)
    assert _end(process) == (130, "", "scorax: error: stopped by SIGINT\n")


def test_work_that_is_to_outlive_its_terminal_does() -> None:
    script = """
import os, signal
from scorax.cli._signals import Signals
with Signals():
    os.kill(os.getpid(), signal.SIGHUP)
print("done")
"""
    line = ["nohup", sys.executable, "-c", script]
    done = subprocess.run(line, capture_output=True, text=True, timeout=15, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_signals_after_the_last_context_change_nothing() -> None:
    script = """
import os, signal, sys
from scorax.cli._signals import Signals
with Signals(last=True):
    pass
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    os.kill(os.getpid(), number)
sys.exit(2)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=15)
    assert (done.returncode, done.stderr) == (2, "")


def test_second_terminate_does_not_cut_a_save_short() -> None:
    body = """
        try:
            work(signals)
        finally:
            send(signal.SIGTERM)
            time.sleep(0.8)
            print('saved in full', flush=True)
"""
    process = _start("polled=True, grace=0.3", body.strip())
    process.send_signal(signal.SIGTERM)
    code, out, _ = _end(process)
    assert (code, out) == (143, "saved in full\n")


def test_user_signal_saves_and_goes_on() -> None:
    process = _start("polled=True", "work(signals)")
    assert process.stdout is not None
    for _ in range(2):
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == "saved\n"
    process.send_signal(signal.SIGTERM)
    assert _end(process)[0] == 143


def test_signal_after_the_last_poll_is_not_forgotten() -> None:
    code, out, _ = _end(_start("polled=True", "send(signal.SIGTERM)"))
    assert (code, out) == (143, "")


def test_handlers_are_put_back() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
    with Signals(), Signals(polled=True) as inner:
        assert inner.poll() is None
        assert signal.getsignal(signal.SIGTERM) != before[signal.SIGTERM]
    assert {number: signal.getsignal(number) for number in before} == before


def test_inner_context_takes_over_and_the_outer_one_returns() -> None:
    body = """
        try:
            with Signals(polled=True) as inner:
                send(signal.SIGTERM)
                work(inner)
        except ScoraxError as error:
            print(error, flush=True)
        send(signal.SIGHUP)
        time.sleep(60)
"""
    code, out, err = _end(_start("", body.strip()))
    assert (code, out, err) == (143, "stopped by SIGTERM\n", "scorax: error: stopped by SIGHUP\n")
