"""Which servers may be given the password: the one that a person named, and those of the same owner.

Without the list of public suffixes "the same owner" is judged narrowly: what is not surely the same site is another
one, and the person is asked to enter its address.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_PORTS = {"http": 80, "https": 443}
# Longer labels under which countries' registries hand out names; of shorter ones ("co", "com", "gov") any is taken for one.
_REGISTRY_LABELS = frozenset({"asso", "conf", "firm", "gouv", "govt", "gen", "info", "name", "parliament", "police"})
_REGISTRY_LABELS |= {"presse", "school", "store", "press", "prefeitura", "tourism", "idf"}


def same_site(named: str, other: str) -> bool:
    """Whether the URL `other` may be given the password for the URL `named`.

    The same host and port; else, on https's own port, a host below the named one ("www." aside) or of the same
    registered domain: p01-caldav.icloud.com for caldav.icloud.com.
    """
    first, second = urlsplit(named), urlsplit(other)
    if origin(named)[1:] == origin(other)[1:]:
        return second.scheme in (first.scheme, "https")
    if second.scheme != "https" or _port(second) != _PORTS["https"] or _is_no_name(_host(first)):
        return False
    below = "." + _host(first).removeprefix("www.")
    domain = _registered(_host(first))
    return _host(second).endswith(below) or (domain != "" and _registered(_host(second)) == domain)


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, _host(parts), _port(parts)


def _host(url: SplitResult) -> str:
    return (url.hostname or "").rstrip(".")


def _port(url: SplitResult) -> int:
    return url.port or _PORTS.get(url.scheme, 0)


def _is_no_name(host: str) -> bool:
    """An address, or a name that no one registered."""
    try:
        ip_address(host)
    except ValueError:
        return "." not in host
    return True


def _registered(host: str) -> str:
    """The domain that somebody registered, "" where that is not clear."""
    labels = host.split(".")
    if _is_no_name(host) or not all(labels):
        return ""
    in_a_country = len(labels[-1]) == 2 and (len(labels[-2]) <= 3 or labels[-2] in _REGISTRY_LABELS)
    size = 3 if in_a_country else 2
    return ".".join(labels[-size:]) if len(labels) >= size else ""
