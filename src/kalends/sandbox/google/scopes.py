"""OAuth scopes: what they are called on the consent page, and which of them each API method asks for."""

from __future__ import annotations

_AUTH = "https://www.googleapis.com/auth/"

IDENTITY = {
    "openid": "Associate you with your personal info on Google",
    "email": "See your primary Google Account email address",
    "profile": "See your personal info",
    f"{_AUTH}userinfo.email": "See your primary Google Account email address",
    f"{_AUTH}userinfo.profile": "See your personal info",
}
CALENDAR = {
    f"{_AUTH}{name}": text
    for name, text in {
        "calendar": "See, edit, share, and permanently delete all the calendars you can access",
        "calendar.readonly": "See and download any calendar you can access",
        "calendar.events": "View and edit events on all your calendars",
        "calendar.events.readonly": "View events on all your calendars",
        "calendar.events.owned": "See, create, change, and delete events on calendars you own",
        "calendar.events.owned.readonly": "See the events on calendars you own",
        "calendar.events.freebusy": "See the availability on calendars you have access to",
        "calendar.freebusy": "View your availability in your calendars",
        "calendar.calendarlist": "See, add, and remove calendars you're subscribed to",
        "calendar.calendarlist.readonly": "See the list of calendars you're subscribed to",
        "calendar.calendars": "See and change the properties of your calendars, and create secondary calendars",
        "calendar.calendars.readonly": "See the title, time zone, and other properties of your calendars",
        "calendar.app.created": "Make secondary calendars, and see, create, change, and delete events on them",
        "calendar.settings.readonly": "View your Calendar settings",
    }.items()
}
KNOWN = {**IDENTITY, **CALENDAR}

# What the discovery document lists for each method, without scopes that no account here can use.
_READ_LIST = ("calendar", "calendar.readonly", "calendar.calendarlist", "calendar.calendarlist.readonly",
              "calendar.app.created")  # fmt: skip
_READ_CALENDAR = ("calendar", "calendar.readonly", "calendar.calendars", "calendar.calendars.readonly",
                  "calendar.app.created")  # fmt: skip
_WRITE_CALENDAR = ("calendar", "calendar.calendars", "calendar.app.created")
_WRITE_EVENTS = ("calendar", "calendar.events", "calendar.events.owned", "calendar.app.created")
_READ_EVENTS = (*_WRITE_EVENTS, "calendar.readonly", "calendar.events.readonly", "calendar.events.owned.readonly",
                "calendar.events.freebusy")  # fmt: skip
_METHODS = {
    "calendar.calendarList.list": tuple(name for name in _READ_LIST if name != "calendar.app.created"),
    "calendar.calendarList.get": _READ_LIST,
    "calendar.calendars.get": _READ_CALENDAR,
    "calendar.calendars.insert": _WRITE_CALENDAR,
    "calendar.calendars.patch": _WRITE_CALENDAR,
    "calendar.calendars.delete": _WRITE_CALENDAR,
    "calendar.events.list": _READ_EVENTS,
    "calendar.events.get": _READ_EVENTS,
    "calendar.events.instances": _READ_EVENTS,
    "calendar.events.watch": _READ_EVENTS,
    "calendar.events.insert": _WRITE_EVENTS,
    "calendar.events.import": _WRITE_EVENTS,
    "calendar.events.patch": _WRITE_EVENTS,
    "calendar.events.update": _WRITE_EVENTS,
    "calendar.events.delete": _WRITE_EVENTS,
    "calendar.events.move": tuple(name for name in _WRITE_EVENTS if name != "calendar.app.created"),
    "calendar.channels.stop": (*_READ_EVENTS, *_READ_LIST),
    "calendar.freebusy.query": ("calendar", "calendar.readonly", "calendar.freebusy", "calendar.events.freebusy"),
    "calendar.settings.get": ("calendar", "calendar.readonly", "calendar.settings.readonly"),
}


def allowed(method: str) -> frozenset[str]:
    """The scopes, each enough by itself, for an API method such as "calendar.events.list"."""
    return frozenset(_AUTH + name for name in _METHODS[method])


def owned_only(granted: list[str], method: str) -> bool:
    """Whether the scopes reach only calendars that the account owns."""
    wide = allowed(method) - {f"{_AUTH}calendar.events.owned", f"{_AUTH}calendar.events.owned.readonly"}
    return not wide & set(granted)
