"""Why a server is not rendered. The two differ in who has to act."""

from dataclasses import dataclass


@dataclass
class Refused(Exception):
    """The server's author has to change something."""

    code: str
    message: str
    path: str


class Unsupported(Exception):
    """The plugin cannot do its work here: what would be needed."""
