"""Show, find and strip what identifies a patient in medical images: four kinds, three verbs."""

import os

# onnxruntime, which runs the networks, tells its makers of its use, unless it is told not to before it is imported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from .finding import Finding, Refused  # noqa: E402

__all__ = ["Finding", "Refused"]
__version__ = "0.1.0"
