"""Where a credential comes from: the environment or `.env` first, then the encrypted vault.

Nothing here prints or stores a credential; a missing one is an error that names the remedy.
"""

from __future__ import annotations

from typing import Protocol

from pydantic import SecretStr

from soleflip_pipelines.clients.errors import MissingCredential
from soleflip_pipelines.settings import Settings

# What each partner's account needs, in the order in which its owner meets it.
CREDENTIALS = {
    "stockx": (
        "STOCKX_API_KEY", "STOCKX_CLIENT_ID", "STOCKX_CLIENT_SECRET", "STOCKX_REFRESH_TOKEN",
    ),
    "ebay": ("EBAY_CLIENT_ID", "EBAY_CLIENT_SECRET", "EBAY_REFRESH_TOKEN"),
    "alias": ("ALIAS_TOKEN",),
    "awin": ("AWIN_API_KEY",),
}  # fmt: skip


class SecretSource(Protocol):
    """What can look up a secret by the name of its variable; the vault is one."""

    def get(self, name: str, /) -> str | None:
        """The secret, or None."""
        ...


def guide_of(partner: str) -> str:
    """The document that says how a partner's account is connected."""
    return f"docs/connect-{partner}.md"


def from_settings(settings: Settings, name: str) -> str | None:
    """What the environment or `.env` (in sandbox mode also the sandbox) says, or None."""
    value = getattr(settings, name.lower())
    return value.get_secret_value() or None if isinstance(value, SecretStr) else None


def credential(settings: Settings, vault: SecretSource, name: str) -> str:
    """The credential that the variable `name` stands for.

    Raises:
        MissingCredential: it is set nowhere.
    """
    value = from_settings(settings, name) or vault.get(name)
    if value:
        return value
    if settings.mode == "sandbox":
        raise MissingCredential(
            f"{name} is not set: the sandbox brings it while it runs; `soleflip sandbox start`"
        )
    raise MissingCredential(
        f"{name} is not set: put it into .env or run `soleflip secrets set {name}`; "
        f"{guide_of(name.split('_', 1)[0].lower())} says where to get it"
    )


def missing_credentials(settings: Settings, vault: SecretSource, partner: str) -> list[str]:
    """The names of a partner's credentials that are set nowhere."""
    return [
        name
        for name in CREDENTIALS[partner]
        if not (from_settings(settings, name) or vault.get(name))
    ]


def is_connected(settings: Settings, vault: SecretSource, partner: str) -> bool:
    """Whether a partner ("stockx", "ebay", "alias", "awin") can be asked at all.

    Returns:
        False when none of its credentials is set: its owner does not use it.

    Raises:
        MissingCredential: some are set and some are not; the text names the first missing one.
    """
    missing = missing_credentials(settings, vault, partner)
    if missing and len(missing) < len(CREDENTIALS[partner]):
        credential(settings, vault, missing[0])
    return not missing
