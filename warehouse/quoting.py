"""Names and pieces of text in SQL, and what is asked of a text at little cost."""


def quoted(name: str) -> str:
    """A name: an event may be called Order or Select."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A piece of text."""
    return "'" + value.replace("'", "''") + "'"


def begins(value: str, first: str, last: str) -> str:
    """With a character of that range. DuckDB compares the first letters of two texts without
    looking where the rest of them is; ascii() and starts_with() do look, ascii() at all of it.
    """
    return f"({value} >= '{first}' and {value} < '{chr(ord(last) + 1)}')"


def is_blank(value: str) -> str:
    """Of spaces alone, those beyond ASCII too. To trim is to copy, which a text that begins with
    one of ASCII's signs does not need.
    """
    return f"(not {begins(value, '!', '~')} and trim({value}) = '')"
