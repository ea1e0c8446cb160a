"""Where providers send notifications: /hooks/<provider>. A hint that a calendar changed, never what changed."""
