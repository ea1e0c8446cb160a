from __future__ import annotations

import hashlib
import re

import pytest

from kalends.net.digest import Digest

URL = "https://dav.example.org/cal/ada/?x=1"
CHALLENGE = 'Digest realm="calendars, all", nonce="n0nce", qop="auth", opaque="op"'


def fields(header):
    scheme, _, rest = header.partition(" ")
    assert scheme == "Digest"
    return {name: value.strip('"') for name, value in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', rest)}


def expected(found, name, method, password="secret"):
    """RFC 7616, 3.4.1, written down once more."""

    def digest(*parts):
        return hashlib.new(name, ":".join(parts).encode()).hexdigest()

    first = digest(found["username"], found["realm"], password)
    second = digest(method, found["uri"])
    return digest(first, found["nonce"], found["nc"], found["cnonce"], found["qop"], second)


def test_header_is_empty_before_a_challenge():
    assert Digest("ada", "secret").header("GET", URL) == ""


@pytest.mark.parametrize(
    ("algorithm", "name"), [("", "md5"), (", algorithm=MD5", "md5"), (", algorithm=SHA-256", "sha256")]
)
def test_header_answers_the_challenge_and_counts(algorithm, name):
    digest = Digest("ada", "secret")
    assert digest.challenged("PROPFIND", URL, CHALLENGE + algorithm) is True
    seen = [fields(digest.header("PROPFIND", URL)) for _ in range(2)]
    assert [found["response"] for found in seen] == [expected(found, name, "PROPFIND") for found in seen]
    assert [(found["uri"], found["opaque"], found["username"]) for found in seen] == [
        ("/cal/ada/?x=1", "op", "ada")
    ] * 2
    assert int(seen[1]["nc"], 16) == int(seen[0]["nc"], 16) + 1


def test_challenged_takes_the_first_that_it_knows():
    digest = Digest("ada", "secret")
    offered = f'Negotiate, Digest realm="x", nonce="1", algorithm=SHA-512-256, {CHALLENGE}'
    assert digest.challenged("GET", URL, offered) is True
    assert fields(digest.header("GET", URL))["nonce"] == "n0nce"


@pytest.mark.parametrize(
    "offered",
    [
        "",
        "Negotiate",
        'Bearer realm="x"',
        'Digest realm="x"',
        "Digest",
        "Digest nonsense",
        'Digest realm="x", nonce="1", algorithm=UNKNOWN',
        'Digest realm="x", nonce="1", qop="auth-int"',
    ],
)
def test_challenged_by_what_cannot_be_answered_changes_nothing(offered):
    digest = Digest("ada", "secret")
    assert digest.challenged("GET", URL, offered) is False
    assert digest.header("GET", URL) == ""
    assert digest.challenged("GET", URL, CHALLENGE) is True
    assert digest.challenged("GET", URL, offered) is False
    assert fields(digest.header("GET", URL))["nonce"] == "n0nce"
