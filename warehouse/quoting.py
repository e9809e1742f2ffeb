"""Names and pieces of text in SQL."""


def quoted(name: str) -> str:
    """A name: an event may be called Order or Select."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A piece of text."""
    return "'" + value.replace("'", "''") + "'"
