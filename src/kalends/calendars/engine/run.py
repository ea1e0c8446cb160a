"""One look at one connection: pull what is due, check what is near, then act on what is due."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.db import transaction
from structlog.contextvars import bound_contextvars

from kalends.calendars.disconnecting import finish_disconnect
from kalends.calendars.engine import apply, channels, journal, lease, write
from kalends.calendars.engine.check import check_calendar
from kalends.calendars.engine.context import Lacking, Report, Run, Step, calendars_of, no_step, poll_interval
from kalends.calendars.engine.plan import Planned, due_links, exceeds_budget, make_plan, next_link_at
from kalends.calendars.engine.pull import pull_calendar
from kalends.calendars.engine.purge import purge
from kalends.calendars.engine.read import check_calendar_stands
from kalends.calendars.engine.strays import settle_strays
from kalends.calendars.life import change_life, life_of, remind, tell_frozen
from kalends.calendars.models import CalendarConnection, LastErrorCode, RemoteCalendar
from kalends.calendars.models import Provider as Kind
from kalends.calendars.pace import turn_of
from kalends.calendars.providers import provider_for
from kalends.jobs import counters
from kalends.jobs.prepared import Given, Prepared, PreparedUpdate
from kalends.jobs.rows import backoff
from kalends.jobs.saved import save
from kalends.sync import actions
from kalends.sync.connection import State
from kalends.sync.port import (
    AuthRevoked,
    AuthTransient,
    Forbidden,
    NotFound,
    Permanent,
    Provider,
    ProviderError,
    Throttled,
)

logger = logging.getLogger(__name__)

# Each run asks these.
_ROW = Prepared(lambda pk: CalendarConnection.objects.filter(pk=pk), pk=UUID)
_DUE_AGAIN = Prepared(
    lambda pk, now: CalendarConnection.objects.filter(pk=pk, due_at__lte=now).values_list("pk"), pk=UUID, now=datetime
)
_OUTCOME = {"failures": int, "last_run_at": datetime, "last_error": str, "last_error_detail": str}
_STORE_OUTCOME = PreparedUpdate(
    lambda pk, **_: CalendarConnection.objects.filter(pk=pk),
    {name: Given(name, kind) for name, kind in _OUTCOME.items()},
    pk=UUID,
    **_OUTCOME,
)

_ROUNDS = 8
_AUTH_RETRY = timedelta(seconds=30)
_FIRST_RETRY = timedelta(seconds=30)
_LONGEST_RETRY = timedelta(minutes=30)
_THROTTLED_FOR = timedelta(minutes=1)


def run_connection(
    connection_id: UUID, *, now: datetime, at: Step = no_step, provider: Provider | None = None
) -> Report:
    """Looks at a connection under its lease. Whatever it meets becomes the row's state; it raises for bugs only.

    `at` is called at each boundary a kill may fall on. A worker that is killed keeps its lease until it runs out.
    """
    connection = lease.take(connection_id)
    if connection is None:
        return Report(skipped=True)
    # Every line that is logged meanwhile names the connection and the run.
    with bound_contextvars(connection=str(connection_id), run=connection.fence):
        return _look_at(connection, now, at, provider)


def _look_at(connection: CalendarConnection, now: datetime, at: Step, provider: Provider | None) -> Report:
    connection_id, fence = connection.pk, connection.fence
    report = Report()
    try:
        report = _run_leased(connection, fence, now, at, provider)
    except lease.LeaseLost:
        counters.count("kalends_sync_lease_losses", provider=connection.provider)
        return Report(skipped=True)
    except Exception:
        _count_failure(connection, fence, now)
        raise
    _tell(connection, report)
    lease.release(connection_id, fence, _next_look(connection, now))
    report.again = bool(_DUE_AGAIN.rows(pk=connection_id, now=now))
    return report


def _tell(connection: CalendarConnection, report: Report) -> None:
    """The counts for the operator, and one line in the log if anything happened. Ids and numbers only."""
    provider = connection.provider
    counters.count("kalends_sync_runs", provider=provider, outcome="error" if report.error else "ok")
    counters.count("kalends_sync_writes", report.writes, provider=provider)
    counters.count("kalends_sync_moves", report.moves, provider=provider)
    counters.count("kalends_sync_cancels", report.cancels, provider=provider)
    if report.error:
        counters.count("kalends_sync_errors", provider=provider, error=report.error)
    done = f"pages={report.pages} writes={report.writes} moves={report.moves} cancels={report.cancels}"
    happened = report.error or report.writes or report.moves or report.cancels
    level = logging.INFO if happened else logging.DEBUG
    logger.log(level, "run of %s: state=%s %s error=%s", provider, connection.state, done, report.error or "none")


def _count_failure(connection: CalendarConnection, fence: int, now: datetime) -> None:
    """A bug in one connection's run delays that one only, with growing pauses."""
    CalendarConnection.objects.filter(pk=connection.pk, fence=fence).update(failures=connection.failures + 1)
    pause = backoff(connection.failures, base=_FIRST_RETRY, cap=_LONGEST_RETRY)
    lease.release(connection.pk, fence, now + pause)


def _run_leased(
    connection: CalendarConnection, fence: int, now: datetime, at: Step, provider: Provider | None
) -> Report:
    state = State(connection.state)
    throttled = connection.throttled_until is not None and connection.throttled_until > now
    closing = state == State.PAUSED and channels.has_leftovers(connection)
    if throttled or not (state.reads or connection.purge or closing):
        return Report()
    run = Run(connection, provider or provider_for(connection), fence, now, at)
    try:
        _work(run)
    finally:
        run.provider.close()
    return run.report


def _work(run: Run) -> None:
    """The one place where failures of a whole connection become its state."""
    try:
        error = _look(run)
    except Lacking as lacking:
        _lacking(run, LastErrorCode(lacking.code))
    except ProviderError as failed:
        _failed(run, failed)
    else:
        _failed(run, error) if error is not None else _worked(run)


def _look(run: Run) -> ProviderError | None:
    if run.connection.purge or not State(run.connection.state).reads:
        channels.tend(run, wanted=False)
        return purge(run) if run.connection.purge else None
    error = _read_and_act(run)
    channels.expect(run, run.wrote)
    channels.tend(run)
    return error


def _read_and_act(run: Run) -> ProviderError | None:
    """Returns the failure of a single calendar, after the others were served."""
    first_error: ProviderError | None = None
    for calendar in run.chosen_calendars():
        error = _read_calendar(run, calendar)
        first_error = first_error or error
    if run.may_write:
        _act(run)
    return first_error


def _read_calendar(run: Run, calendar: RemoteCalendar) -> ProviderError | None:
    try:
        if _is_due(calendar.next_poll_at, run.now):
            _pull_in_turn(run, calendar)
        if calendar.receives and _is_due(calendar.next_check_at, run.now):
            check_calendar(run, calendar)
    except (NotFound, Forbidden, Permanent) as error:
        check_calendar_stands(run, calendar)
        return error
    except (AuthRevoked, AuthTransient, Throttled):
        raise
    except ProviderError as error:
        return error
    return None


def _pull_in_turn(run: Run, calendar: RemoteCalendar) -> None:
    """An address waits until its host may be asked again (F70); an account is asked by one worker anyway."""
    if run.connection.provider != Kind.ICS:
        pull_calendar(run, calendar)
        return
    with turn_of(run.connection.pk, run.now) as later:
        if later is None:
            pull_calendar(run, calendar)
            return
    with transaction.atomic():
        lease.check_fence(run)
        calendar.next_poll_at = later
        calendar.save(update_fields=["next_poll_at"])


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is None or at <= now


# -- acting -------------------------------------------------------------------------------------------------------


def _act(run: Run) -> None:
    """Rounds, because what one decision does may call for the next; bounded, the rest is for the next run."""
    for number in range(_ROUNDS):
        links = due_links(run)
        if run.stirred or (links and number == 0):
            run.stirred = False
            settle_strays(run)
        if not any(link.due_at is not None and link.due_at <= run.now for link in links):
            return
        plan = make_plan(run, links)
        run.at("decided")
        if exceeds_budget(run, plan):
            _freeze(run, plan)
            return
        _carry_out(run, plan)
    run.report.again = True


def _carry_out(run: Run, plan: list[Planned]) -> None:
    moves = [planned for planned in plan if isinstance(planned.decision.action, actions.MoveAppointment)]
    if moves:
        apply.apply_moves(run, moves)
    for written, group in groupby(plan, key=_is_write):
        if written:
            write.perform(run, list(group))
            continue
        for planned in group:
            _apply(run, planned)


def _is_write(planned: Planned) -> bool:
    return isinstance(planned.decision.action, actions.Create | actions.Update | actions.Delete)


def _apply(run: Run, planned: Planned) -> None:
    match planned.decision.action:
        case actions.MoveAppointment():
            pass  # with the others, at first
        case actions.CancelAppointment():
            apply.cancel_appointment(run, planned)
        case actions.AskStaff():
            apply.ask(run, planned)
        case _:
            apply.remember(run, planned)


def _freeze(run: Run, plan: list[Planned]) -> None:
    """G11: nothing more is done until a person has looked. Nothing is lost: what was seen stays pending."""
    with transaction.atomic():
        lease.check_fence(run)
        apply.hold_all(run, plan)
        change_life(run.connection, lambda life: life.frozen(run.now))
        counters.count("kalends_sync_freezes", provider=run.connection.provider)
        _set_error(run.connection, LastErrorCode.DELETIONS)
        tell_frozen(run.connection, now=run.now)
        journal.write(run.connection, now=run.now, rule="deletion_budget", action="freeze")


# -- how it went --------------------------------------------------------------------------------------------------


def _worked(run: Run) -> None:
    with transaction.atomic():
        lease.check_fence(run)
        row = run.connection
        change_life(row, lambda life: life.worked(run.now))
        row.failures = 0
        row.last_run_at = run.now
        if row.restored_at is None and row.state == State.FROZEN:
            save(row, ["failures", "last_run_at"])
            return
        row.last_error = LastErrorCode.NONE if row.restored_at is None else LastErrorCode.RESTORED
        row.last_error_detail = ""
        _STORE_OUTCOME.run(pk=row.pk, **{name: getattr(row, name) for name in _OUTCOME})


def _lacking(run: Run, code: LastErrorCode) -> None:
    with transaction.atomic():
        lease.check_fence(run)
        _set_error(run.connection, code)
        change_life(run.connection, lambda life: life.lacking(run.now))
        journal.write(run.connection, now=run.now, rule=code.value, action="needs_attention")
        remind(run.connection, now=run.now)
    run.report.error = code.value


def _failed(run: Run, error: ProviderError) -> None:
    """A typed failure; only AuthRevoked, twice in a row, is a verdict on the grant (F51, F80)."""
    run.report.error = type(error).__name__
    with transaction.atomic():
        lease.check_fence(run)
        row = run.connection
        row.failures += 1
        row.last_run_at = run.now
        save(row, ["failures", "last_run_at"])
        _set_error(row, _code_of(error), error.detail)
        if isinstance(error, Throttled):
            counters.count("kalends_sync_throttles", provider=row.provider)
            change_life(row, lambda life: life.throttled(error.retry_at or run.now + _THROTTLED_FOR))
        elif isinstance(error, AuthRevoked):
            _auth_refused(run, row)


def _auth_refused(run: Run, row: CalendarConnection) -> None:
    change_life(row, lambda life: life.auth_refused(run.now))
    if row.needs_attention_since is None:
        return
    journal.write(row, now=run.now, rule="auth_revoked", action="needs_attention")
    if row.purge:
        # Nothing can be removed any more without the grant.
        finish_disconnect(row, now=run.now)
    else:
        remind(row, now=run.now)


def _code_of(error: ProviderError) -> LastErrorCode:
    match error:
        case AuthRevoked():
            return LastErrorCode.AUTH_REVOKED
        case AuthTransient():
            return LastErrorCode.AUTH_TRANSIENT
        case Throttled():
            return LastErrorCode.THROTTLED
        case Forbidden():
            return LastErrorCode.FORBIDDEN
        case Permanent():
            return LastErrorCode.PERMANENT
        case _:
            return LastErrorCode.TEMPORARY


def _set_error(row: CalendarConnection, code: LastErrorCode, detail: str = "") -> None:
    row.last_error, row.last_error_detail = code, detail[:200]
    save(row, ["last_error", "last_error_detail"])


def _next_look(connection: CalendarConnection, now: datetime) -> datetime | None:
    """The earliest of: the next poll, the next hourly check, the next link; after a failure, the back-off."""
    (row,) = _ROW.rows(pk=connection.pk)
    if row.purge:
        return now + _retry_pause(row)
    if not State(row.state).reads:
        return _next_closing(row, now) if row.state == State.PAUSED else None
    if row.throttled_until is not None and row.throttled_until > now:
        return row.throttled_until
    if row.failures:
        return now + _retry_pause(row)
    calendars = calendars_of(row)
    times = [calendar.next_poll_at or now for calendar in calendars if calendar.chosen]
    times += [calendar.next_check_at or now for calendar in calendars if calendar.receives]
    tending = channels.next_tending(row, calendars, now)
    times += [tending] if tending is not None else []
    if State(row.state).writes:
        next_link = next_link_at(row)
        times += [next_link] if next_link is not None else []
    return min(times, default=now + poll_interval())


def _next_closing(row: CalendarConnection, now: datetime) -> datetime | None:
    """A paused connection is looked at until its channels are closed."""
    at = channels.next_tending(row, calendars_of(row), now, wanted=False)
    return at if at is None or row.throttled_until is None else max(at, row.throttled_until)


def _retry_pause(row: CalendarConnection) -> timedelta:
    if life_of(row).auth_strikes:
        return _AUTH_RETRY
    return backoff(max(0, row.failures - 1), base=_FIRST_RETRY, cap=_LONGEST_RETRY)
