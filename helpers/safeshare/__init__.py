"""Show, find and strip what identifies a patient in medical images: four kinds, three verbs."""

from .finding import Finding, Refused

__all__ = ["Finding", "Refused"]
__version__ = "0.1.0"
