"""iCalendar text to and from core values; the feed writer; iTIP messages. Pure."""
