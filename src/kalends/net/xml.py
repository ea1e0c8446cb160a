"""XML from strangers: no DTD, no entities, no external references, bounded in size."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

MAX_BYTES = 32 * 1024 * 1024


class BadXml(ValueError):
    """Not XML, too large, or XML with a DTD or entities."""


def parse_xml(body: bytes, max_bytes: int = MAX_BYTES) -> Element:
    """The root element of an XML document. Raises BadXml."""
    if len(body) > max_bytes:
        raise BadXml(f"larger than {max_bytes} bytes")
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BadXml(type(error).__name__) from error
    return root
