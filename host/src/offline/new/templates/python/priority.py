"""The policy: which priority class a server gets. Knows nothing of components, so that it can be tested anywhere."""

LABEL = "priority"

# The default in parameters.schema.json.
CLASSES = ["mcp-standard", "mcp-high"]


class NotOffered(Exception):
    """The server asks for a class that is not offered."""

    path = f"metadata.labels[{LABEL}]"


def class_of(labels: dict[str, str], classes: list[str]) -> str:
    """The class of a server with these labels; the first one is for those that ask for none."""
    asked = labels.get(LABEL, classes[0])
    if asked not in classes:
        raise NotOffered(f"The priority class {asked} is not offered; write one of: {', '.join(classes)}.")
    return asked
