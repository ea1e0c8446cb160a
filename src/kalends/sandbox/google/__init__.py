"""A stand-in of Google Calendar v3 and of Google's OAuth, after the discovery document and the public guides.

Where it differs from Google on purpose:

- a push address on loopback may be plain http;
- the id_token is signed with the client's secret (HS256) and its issuer is the stand-in's own address;
- a delta of a windowed sync also holds events that have left the window, in full, since what Google does is not
  documented;
- an unbounded series is expanded two years ahead;
- access control lists, colours, quickAdd, calendarList changes, settings.list and batch requests are not there (404);
- tombstones stay until `faults.purge_tombstones`, sync tokens live until `faults.expire_sync_tokens` or a change of
  access rights.
"""
