"""Command lines that ask for a token, taken apart without a parser library.

Three grammars end here: ``eksauth token``, ``eksauth [globals] eks get-token`` as the AWS CLI writes it, and
``eksauth aws eks token`` as Atmos writes it. The answer is None for anything but flags whose spelling and form are
fully known; the real command line then parses, explains and complains.
"""

_TOKEN = {
    "--cluster-name": "cluster_name",
    "--cluster-id": "cluster_id",
    "--region": "region",
    "-i": "identity",
    "--identity": "identity",
    "--config": "config",
    "--realm": "realm",
    "--account": "account",
    "--profile": "profile",
    "--role-arn": "role_arn",
    "--role": "role_arn",
    "--external-id": "external_id",
    "--session-name": "session_name",
    "--duration": "duration",
    "-o": "output",
    "--output": "output",
}
_GET_TOKEN = {
    "--cluster-name": "cluster_name",
    "--cluster-id": "cluster_id",
    "--region": "region",
    "--profile": "profile",
    "--role-arn": "role_arn",
    "--role": "role_arn",
    "--output": "output",
    # these change nothing about a token; the AWS CLI ignores them too
    "--endpoint-url": "",
    "--color": "",
    "--cli-read-timeout": "",
    "--cli-connect-timeout": "",
    "--cli-binary-format": "",
}
_GET_TOKEN_SWITCHES = frozenset(("--no-cli-pager", "--no-paginate", "--cli-auto-prompt", "--no-cli-auto-prompt"))
_ATMOS = {
    "--cluster-name": "cluster_name",
    "--region": "region",
    "-i": "identity",
    "--identity": "identity",
}


def parse_token_argv(argv: list[str]) -> dict[str, str] | None:
    """Return the flags of a token command by name, or None when the full command line has to look at it.

    Key ``layout`` says whose: ``token``, ``get-token`` or ``atmos``. Key ``no_cache`` is present when asked for.
    """
    first = argv[0] if argv else ""
    if first == "token":
        return _flags(argv[1:], "token", _TOKEN, (), frozenset(("--no-cache",)))
    if first == "aws":
        return _flags(argv[3:], "atmos", _ATMOS, (), frozenset()) if argv[1:3] == ["eks", "token"] else None
    return _flags(argv, "get-token", _GET_TOKEN, ("eks", "get-token"), _GET_TOKEN_SWITCHES)


def _flags(
    argv: list[str], layout: str, names: dict[str, str], words: tuple[str, ...], switches: frozenset[str]
) -> dict[str, str] | None:
    found = {"layout": layout}
    seen = 0
    at, end = 0, len(argv)
    while at < end:
        word = argv[at]
        at += 1
        if word[:1] != "-":
            if seen == len(words) or word != words[seen]:
                return None
            seen += 1
            continue
        if word in switches:
            if word == "--no-cache":
                found["no_cache"] = ""
            continue
        flag, equals, value = word.partition("=")
        name = names.get(flag)
        if name is None or (equals and flag[:2] != "--"):
            return None
        if not equals:
            if at == end or argv[at][:1] == "-":
                return None
            value = argv[at]
            at += 1
        if name in found:
            return None
        if name:
            found[name] = value
    return found if seen == len(words) else None
