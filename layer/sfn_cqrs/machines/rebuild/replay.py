"""Replays items into the generation that is not read: as they are, or version by version."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from itertools import groupby
from operator import add

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Command, DataRow
from sfn_cqrs.kernel.errors import SyncHandlerError
from sfn_cqrs.kernel.failure import MAX_SUMMARY
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.read_models.read_model import Writing
from sfn_cqrs.kernel.read_models.rules import Counts, Segment, Stage, View
from sfn_cqrs.kernel.tables.paging import cursor_at
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.projection import replaying, run_alone, run_patiently
from sfn_cqrs.machines.rebuild import problems
from sfn_cqrs.machines.rebuild.programs import Page

PAGE_SIZE = 100
"""How many items, or versions, are read, replayed and counted together."""
THREADS = 16


def expected(view: View, name: str) -> int | None:
    """Return about how many items a segment of a replay has, or None if that is not known."""
    if view.stage is not Stage.REPLAYING or view.is_every_version:
        return None
    return bootstrap.data().count_bucket(view.key.tenant, *_bucket(name))


def page(view: View, segment: Segment) -> Page:
    """Return the items, or versions, after a segment's cursor."""
    if view.is_every_version:
        return _page_of_versions(view, segment)
    found = bootstrap.data().bucket_page(
        view.key.tenant, *_bucket(segment.key.name), PAGE_SIZE, segment.cursor
    )
    return Page(tuple(row.as_command() for row in found.items), found.next_cursor)


def replay(view: View, segment: Segment, commands: Sequence[Command]) -> Counts:
    """Run the handler on the commands, each item's versions in order, and return the counts.

    Raises:
        TransientError: a target stays busy. Everything may be run again.
    """
    if not commands:
        return Counts()
    items = [list(group) for _, group in groupby(commands, lambda one: one.key)]
    if all(len(item) == 1 for item in items):
        counts = _replay_in_bulk(view, commands)
        if counts is not None:
            return counts
    parts = [items[number::THREADS] for number in range(min(THREADS, len(items)))]

    def replayed(part: list[list[Command]]) -> Counts:
        each = (_replay(view, segment, command) for item in part for command in item)
        return reduce(add, each, Counts())

    return reduce(add, bootstrap.at_once()(replayed, parts), Counts())


def _replay_in_bulk(view: View, commands: Sequence[Command]) -> Counts | None:
    """Replay all at once and return the counts, or None if that fails or is not possible.

    Running the items one by one then finds the faulty one.
    """
    bulk = handlers.find_bulk(commands[0].key.type, view.key.view)
    if bulk is None:
        return None
    with _writing(view) as writing:
        try:
            bulk(commands)
        except Exception:
            logger.exception("commands are replayed one by one", handler=view.key.view)
            return None
    is_row_each = writing.put + writing.refused == len(commands)
    skipped = writing.refused if is_row_each else 0
    return Counts(done=len(commands) - skipped, skipped=skipped)


def _replay(view: View, segment: Segment, command: Command) -> Counts:
    with _writing(view) as writing:
        try:
            run_patiently(command, view.key.view, run_alone)
        except SyncHandlerError as error:
            what = f"{command.key.type}/{command.key.code}@{command.version}"
            raised = type(error.__cause__ or error).__name__
            problems.keep(segment, what, raised, masked(str(error))[:MAX_SUMMARY])
            return Counts(failed=1)
    is_skipped = writing.refused > 0 and not writing.put
    return Counts(skipped=1) if is_skipped else Counts(done=1)


@contextmanager
def _writing(view: View) -> Iterator[Writing]:
    generations = {view.key.view: view.other or view.serving}
    with replaying(), bootstrap.generations().writing(view.key.tenant, generations) as writing:
        yield writing


def _page_of_versions(view: View, segment: Segment) -> Page:
    """Return versions of items, each item's in order; the cursor names an item and its version.

    The row is read before the history: by then, every earlier version is in the history.
    """
    tenant, (type_, bucket) = view.key.tenant, _bucket(segment.key.name)
    after, code, version = json.loads(segment.cursor or "[null, null, 0]")
    found = bootstrap.data().bucket_page(tenant, type_, bucket, PAGE_SIZE, after)
    versions: list[Command] = []
    for number, row in enumerate(found.items):
        seen = version if row.key.code == code else 0
        for one in _versions(row, seen):
            if len(versions) == PAGE_SIZE:
                before = cursor_at(found.items[number - 1].key.sk) if number else after
                last = versions[-1]
                seen = last.version if last.key == row.key else 0
                return Page(tuple(versions), json.dumps([before, row.key.code, seen]))
            versions.append(one.as_command())
    cursor = json.dumps([found.next_cursor, None, 0]) if found.next_cursor else None
    return Page(tuple(versions), cursor)


def _versions(row: DataRow, seen: int) -> Iterator[DataRow]:
    after = seen
    while True:
        page = bootstrap.history().later(row.key, after, PAGE_SIZE)
        yield from (one for one in page.items if one.version < row.version)
        if page.next_cursor is None:
            break
        after = page.items[-1].version
    if row.version > seen:
        yield row


def _bucket(name: str) -> tuple[str, int]:
    type_, _, number = name.rpartition("#")
    return type_, int(number)
