"""The names of the properties that `$select` takes."""

from __future__ import annotations

EVENT_PROPERTIES = frozenset(
    (
        "id", "categories", "changeKey", "createdDateTime", "lastModifiedDateTime", "allowNewTimeProposals",
        "attendees", "body", "bodyPreview", "cancelledOccurrences", "end", "hasAttachments", "hideAttendees", "iCalUId",
        "importance", "isAllDay", "isCancelled", "isDraft", "isOnlineMeeting", "isOrganizer", "isReminderOn",
        "location", "locations", "onlineMeeting", "onlineMeetingProvider", "onlineMeetingUrl", "organizer",
        "originalEndTimeZone", "originalStart", "originalStartTimeZone", "recurrence", "reminderMinutesBeforeStart",
        "responseRequested", "responseStatus", "sensitivity", "seriesMasterId", "showAs", "start", "subject",
        "transactionId", "type", "webLink",
    )
)  # fmt: skip
