import time
from pathlib import Path
def test_hang(servers):
    Path("/tmp/hang.started").write_text("x"); time.sleep(100)
