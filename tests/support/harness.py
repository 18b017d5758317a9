"""
harness — real services and real processes for tests: started on free ports in a directory of their own,
stopped, killed, frozen and woken by pid, and all gone when the test ends, however it ends.

    kafka = Kafka(); redis = Redis(); crm = Sandbox("salesforce", seed=500)
    poll = Proc(["tandem-poll", "--config", path], failpoint="poll.after_publish:2")
    wait_for(lambda: len(kafka.consume("m1.changes.contact")) == 500, 60, "500 events")

A test file ends in `if __name__ == "__main__": run_tests(globals())`, which runs its test_ functions in order
(or those named on the command line). Standard library only. TANDEM_TEST_KEEP=1 keeps the directory.
"""
import atexit
import os
import signal
import sys
import time
import traceback

# What tests use, all from here.
from harness_processes import BUILD, SOURCE, Proc, Service, Timeout, executable, free_port  # noqa: F401
from harness_processes import http, new_dir, reaper, started, wait_for, workdir  # noqa: F401
from harness_services import Kafka, Redis, RedisError, Sandbox  # noqa: F401

_SANITIZERS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", ": runtime error: ")


def _finish():
    processes = [service for service in started if isinstance(service, Proc)]
    rest = [service for service in started if not isinstance(service, Proc)]
    # Processes first, while what they talk to is there: they end in order and LeakSanitizer has its say.
    for service in processes:
        service.signal(signal.SIGCONT)
        service.signal(signal.SIGTERM)
    for service in processes + rest:
        if service.process is not None:
            if service in rest:
                service.signal(signal.SIGKILL)
            try:
                service.wait_exit(30)
            except Timeout:
                service.kill()
    found = [service for service in started if any(mark in service.log_text() for mark in _SANITIZERS)]
    for service in found:
        print(f"--- a sanitizer spoke in {service.log}\n{service.log_text()[-6000:]}", flush=True)
    reaper.finish()
    if found:
        os._exit(1)


atexit.register(_finish)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def run_tests(names):
    """Run the test_ functions of a module's globals() in order; exit code 1 if one fails."""
    wanted = sys.argv[1:]
    failed = []
    for name, function in list(names.items()):
        if not name.startswith("test_") or not callable(function) or (wanted and name not in wanted):
            continue
        began = time.monotonic()
        try:
            function()
        except Exception:  # pylint: disable=broad-except
            failed.append(name)
            print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
            for service in started:
                print(f"--- end of {service.log}\n{service.log_text()[-2000:]}", flush=True)
        else:
            print(f"ok   {name} ({time.monotonic() - began:.1f} s)", flush=True)
    sys.exit(1 if failed else 0)
