"""A stand-in of Google Calendar v3 and of Google's OAuth, after the discovery document and the public guides."""
