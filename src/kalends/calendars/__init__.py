"""The Django half of sync: connections, remote calendars and events, links, journal."""
