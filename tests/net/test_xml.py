from __future__ import annotations

import pytest

from kalends.net.xml import BadXml, parse_xml

BILLION = (
    b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><lolz>&lol2;</lolz>"""
)
EXTERNAL = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><x>&x;</x>"""


def test_parse_xml_reads_a_multistatus():
    root = parse_xml(b'<?xml version="1.0"?><multistatus xmlns="DAV:"><response/></multistatus>')
    assert [child.tag for child in root] == ["{DAV:}response"]


@pytest.mark.parametrize(
    "body", [BILLION, EXTERNAL, b"", b"<a>", b"not xml", b"\xff\xfe", b'<?xml version="1.0" encoding="nope"?><a/>']
)
def test_parse_xml_refuses_what_is_unsafe_or_broken(body):
    with pytest.raises(BadXml):
        parse_xml(body)


def test_parse_xml_refuses_what_is_too_large():
    with pytest.raises(BadXml):
        parse_xml(b"<a>" + b"x" * 100 + b"</a>", max_bytes=100)
