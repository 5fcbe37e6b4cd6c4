"""Where a credential comes from: the environment or `.env` first, then the encrypted vault.

Nothing here prints or stores a credential; a missing one is an error that names the remedy.
"""

from __future__ import annotations

from typing import Protocol

from pydantic import SecretStr

from soleflip_pipelines.clients.errors import MissingCredential
from soleflip_pipelines.settings import Settings

GUIDES = {"STOCKX": "docs/connect-stockx.md", "AWIN": "docs/connect-awin.md"}


class SecretSource(Protocol):
    """What can look up a secret by the name of its variable; the vault is one."""

    def get(self, name: str, /) -> str | None:
        """The secret, or None."""
        ...


def credential(settings: Settings, vault: SecretSource, name: str) -> str:
    """The credential that the variable `name` stands for.

    Raises:
        MissingCredential: it is set nowhere.
    """
    value = getattr(settings, name.lower())
    if isinstance(value, SecretStr) and value.get_secret_value():
        return value.get_secret_value()
    stored = vault.get(name)
    if stored:
        return stored
    if settings.mode == "sandbox":
        raise MissingCredential(
            f"{name} is not set: the sandbox brings it while it runs; `soleflip sandbox start`"
        )
    guide = GUIDES[name.split("_", 1)[0]]
    raise MissingCredential(
        f"{name} is not set: put it into .env or run `soleflip secrets set {name}`; "
        f"{guide} says where to get it"
    )
