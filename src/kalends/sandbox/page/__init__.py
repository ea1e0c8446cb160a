"""The page on which a person sees the stand-in's calendars, moves events by hand, and reads the mails that were sent."""
