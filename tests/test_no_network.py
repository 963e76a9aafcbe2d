"""Nothing is sent anywhere, and nothing is put aside to be sent."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("onnxruntime", reason="needs the optional part: pip install '.[text]'")

SEE = """
import numpy as np
from safeshare import text_detector
text_detector.lines(np.zeros((64, 64), np.uint8))
"""


def test_running_a_network_leaves_no_record_of_its_use(tmp_path):
    """onnxruntime writes a number of the device, and events for its makers, into the user's folder."""
    home = {name: str(tmp_path) for name in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME")}
    others = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", SEE], env=others | home, check=True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
