"""deid-stream: takes the identity out of voice data while the call is still going on."""

__version__ = "0.1.0"
