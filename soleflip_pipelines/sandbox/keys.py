"""What a client of the sandbox presents, and how often it may call.

Plain data, apart from the service, so that those who only start the service need not load it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Keys:
    """What a client of the sandbox has to present."""

    api_key: str = "sandbox-stockx-key"
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-secret"
    refresh_token: str = "sandbox-refresh-token"
    awin_key: str = "sandbox-awin-key"
    ebay_client_id: str = "sandbox-ebay-client"
    ebay_client_secret: str = "sandbox-ebay-secret"
    ebay_refresh_token: str = "sandbox-ebay-refresh-token"
    alias_token: str = "sandbox-alias-token"


@dataclass(frozen=True)
class Limits:
    """Requests a second and a (UTC) day that the StockX paths allow; None is no limit."""

    per_second: float | None = None
    per_day: int | None = None
    sends_retry_after: bool = True
