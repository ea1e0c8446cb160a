"""A wish for a time: who could take it, and what their calendars say right now. No locks, and nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from kalends.bookings.assigning import ranked_staff
from kalends.bookings.diary import Member, member_of, members_for, rules_of
from kalends.bookings.models import Claim, Hold
from kalends.bookings.refusing import first_reason, refusal, refused_because
from kalends.bookings.selectors.availability import alternatives, slot_query
from kalends.bookings.values import SlotTaken
from kalends.calendars.selectors import Freshness, freshness, stale_staff
from kalends.calendars.services import live_check
from kalends.companies.models import Company, Service, Staff, StaffGroup
from kalends.core.errors import NotFound
from kalends.core.ids import token_digest
from kalends.core.span import Span, as_utc
from kalends.scheduling.rules import ServiceRules
from kalends.scheduling.slots import SlotQuery, check_slot

# The first choice and one substitute: a visitor waits for two calendars at the most.
_LIVE_CHECKS = 2

Team = tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A team that was free, and the schedule revisions it was free at: while they hold, it still is.

    `received`: appointments of one of them are written into a calendar, which holds as long.
    """

    team: Team
    revisions: Mapping[UUID, int]
    received: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish, checked for form. `team`: these all together, not any of them. `gives`: `staff` is known to be active and
    to give the service as of the schedule revision that the row states.
    """

    company: Company
    service: Service
    start: datetime
    now: datetime
    rules: ServiceRules
    any_minute: bool = False
    staff: Staff | None = None
    group: StaffGroup | None = None
    team: tuple[Staff, ...] = ()
    hold: Hold | None = None
    gives: bool = False

    @property
    def span(self) -> Span:
        return Span(self.start, self.start + timedelta(minutes=self.rules.duration))

    def members(self) -> list[Member]:
        if self.staff is not None and self.gives:
            return [member_of(self.staff)]
        wanted = [member.pk for member in self.team]
        found = members_for(service=self.service, staff=self.staff, group=self.group, staff_ids=wanted)
        if len(found) < len(wanted):
            raise NotFound(_("Not all of the staff asked for give this service."))
        return found

    def query(self, members: Sequence[Member]) -> SlotQuery:
        return slot_query(
            company=self.company,
            service=self.service,
            members=members,
            window=self.span,
            now=self.now,
            ignore=[str(self.hold.pk)] if self.hold else (),
            rules=self.rules,
            together=bool(self.team),
            only=self.start,
        )

    def teams_free(self, members: Sequence[Member]) -> list[Team]:
        if not members or (self.team and len(members) < len(self.team)):
            return []
        slot = check_slot(self.query(members), self.start, any_minute=self.any_minute)
        return [tuple(UUID(ident) for ident in team) for team in slot.teams] if slot else []

    def refusal(self, unreadable: Collection[UUID] = ()) -> SlotTaken:
        """Why it cannot be had, with the nearest free times. `unreadable`: whose calendar was asked in vain."""
        near = alternatives(
            company=self.company,
            service=self.service,
            staff=self.staff,
            group=self.group,
            wanted=self.start,
            now=self.now,
        )
        reason = first_reason(self._reasons(set(unreadable)), together=bool(self.team))
        return refusal(reason, [] if self.team else near)

    def _reasons(self, unreadable: Collection[UUID]) -> Iterator[str]:
        members = self.members()
        stale = stale_staff(staff_ids=[member.id for member in members], now=self.now)
        if not members:
            yield "staff"
        for member in members:
            alone = replace(self, team=()).query([member])
            reason = refused_because(alone, self.start, self.now, any_minute=self.any_minute)
            yield "calendar" if not reason and (member.id in stale or member.id in unreadable) else reason


def make_wish(
    *,
    company: Company,
    service: Service,
    start: datetime,
    now: datetime,
    staff: Staff | None,
    group: StaffGroup | None,
    team: Sequence[Staff] = (),
    hold_token: str = "",
    own_choice: bool = False,
    gives: bool = False,
) -> Wish:
    if service.company_id != company.pk or not service.active:
        raise NotFound(_("There is no such service."))
    owners = {chosen.company_id for chosen in (staff, group, *team) if chosen is not None}
    if owners - {company.pk}:
        raise NotFound(_("There is nobody like that in this company."))
    rules, hold = rules_of(service), _hold(company, service, hold_token)
    return Wish(
        company=company,
        service=service,
        start=as_utc(start),
        now=now,
        rules=replace(rules, notice=0) if own_choice else rules,
        # A hold was given for a time that was offered then, whatever became of the grid: for that time, no other.
        any_minute=own_choice or (hold is not None and Claim.objects.filter(hold=hold, start=start).exists()),
        staff=staff,
        group=group,
        team=tuple(team),
        hold=hold,
        gives=gives,
    )


def _hold(company: Company, service: Service, token: str) -> Hold | None:
    if not token:
        return None
    return Hold.objects.filter(company=company, service=service, token_digest=token_digest(token)).first()


@dataclass(slots=True)
class Chooser:
    """Names one team after the other until one can be booked; remembers who was refused and whose calendar was asked."""

    wish: Wish
    refused: set[Team] = field(default_factory=set)
    asked: dict[UUID, bool] = field(default_factory=dict)
    unreadable: set[UUID] = field(default_factory=set)

    def next(self) -> Choice | None:
        """The team that should take it: free by the rows, not stale, and free by its calendars as they are now."""
        members, calendars = offered_members(self.wish)
        free = [team for team in self.wish.teams_free(members) if team not in self.refused]
        for team in _in_order(self.wish, free):
            unknown = [ident for ident in team if ident not in self.asked]
            if unknown and len(self.asked) >= _LIVE_CHECKS * max(1, len(self.wish.team)):
                return None
            self._ask_calendars(unknown, calendars.unread)
            if all(self.asked[ident] for ident in team):
                revisions = {member.id: member.revision for member in members if member.id in team}
                return Choice(team, revisions, received=not calendars.receiving.isdisjoint(team))
        return None

    def _ask_calendars(self, staff_ids: list[UUID], unread: Collection[UUID]) -> None:
        self.asked.update(dict.fromkeys(staff_ids, True))
        staff_ids = [ident for ident in staff_ids if ident in unread]
        if not staff_ids:
            return
        rules, wish = self.wish.rules, self.wish
        around = wish.span.widened(timedelta(minutes=rules.buffer_before), timedelta(minutes=rules.buffer_after))
        answers = live_check(staff_ids=staff_ids, span=around, now=wish.now)
        self.asked.update({ident: answers[ident].ok for ident in staff_ids})
        self.unreadable.update(ident for ident in staff_ids if answers[ident].reason == "calendar_unreachable")


def offered_members(wish: Wish) -> tuple[list[Member], Freshness]:
    """Those asked for whose calendars are fresh enough to be trusted; and what is known of these."""
    members = wish.members()
    found = freshness(staff_ids=[member.id for member in members], now=wish.now)
    return [member for member in members if member.id not in found.stale], found


def _in_order(wish: Wish, free: list[Team]) -> list[Team]:
    """Who should take it first first: the visitor's own hold, a shared time that has begun to fill, then the policy."""
    if len(free) < 2 or wish.team:
        return free
    ids = [team[0] for team in free]
    ranked = ranked_staff(company=wish.company, staff_ids=ids, start=wish.start)
    began = Claim.objects.none()
    if wish.hold is not None:
        began = Claim.objects.filter(hold=wish.hold)
    elif wish.rules.capacity > 1:
        began = Claim.objects.filter(staff_id__in=ids, service=wish.service, start=wish.start)
    first = set(began.values_list("staff_id", flat=True))
    return [(ident,) for ident in sorted(ranked, key=lambda ident: ident not in first)]
