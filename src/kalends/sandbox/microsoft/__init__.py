"""A stand-in of Microsoft's sign-in (Entra) and of the calendar part of Microsoft Graph v1.0.

Written from the published metadata (tests/sandbox/microsoft holds the part that is used) and the documentation; it
shares no code with the provider. Where it differs from Microsoft on purpose:

- id tokens are signed with the client's secret (HS256), since the standard library has no RSA;
- an account is chosen on one page, without a password, and PKCE is required also of a client with a secret;
- addresses on loopback may be plain http;
- what no documentation states (the codes of some errors, the answer to a transactionId that was used before) is
  chosen here, and where two answers are plausible a setting changes it.
"""

from __future__ import annotations
