"""The imperative shell around `kalends.sync`: one worker a connection reads, decides and acts.

lease    one worker a connection, with a fence that every applying transaction checks
pull     pages -> mirror, hints and cursor, in one transaction a page
check    once an hour, the next 48 h of the calendar that receives
read     direct reads: evidence for links that are due
plan     evidence -> decisions; the budget of deletions
write    provider writes: intention, request, receipt
apply    moves, cancellations and questions, through the handler of `bookings`
strays   events that carry our marker and belong to no link
run      all of it, once
"""

from __future__ import annotations
