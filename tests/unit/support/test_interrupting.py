"""What the tests start can be interrupted, however the tests themselves were started."""

import signal
import subprocess
import sys

ASK = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"


def test_a_child_of_the_tests_does_not_ignore_an_interrupt() -> None:
    child = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "False"
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
