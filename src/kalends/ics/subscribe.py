"""The addresses behind the subscribe buttons of a feed."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit


def subscribe_links(feed_url: str, name: str) -> dict[str, str]:
    """Links for "apple" (and most desktop programs), "google", "outlook" (Outlook.com) and "office365".

    `feed_url` is the feed's full http(s) address, `name` the name under which the calendar shall appear.
    Raises ValueError for an address that is not http or https.
    """
    parts = urlsplit(feed_url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("a feed address begins with http:// or https://")
    webcal = urlunsplit(parts._replace(scheme="webcal"))
    query = f"url={quote(feed_url, safe='')}&name={quote(name, safe='')}"
    return {
        "apple": webcal,
        "google": f"https://calendar.google.com/calendar/r?cid={quote(webcal, safe='')}",
        "outlook": f"https://outlook.live.com/calendar/0/addfromweb?{query}",
        "office365": f"https://outlook.office.com/calendar/0/addfromweb?{query}",
    }
