"""Deletes the objects of large attributes whose versions and states have all expired.

An object names the version that it is of. Only three items may point to it: the version's command,
the data row, and its state in history, of which each is a copy of the one before. So they are read
in this order, and a pointer that moves meanwhile is seen. An object is deleted when nothing has
pointed to it for longer than the longest restore: whatever moment the tables are brought back to,
their objects are there.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.attributes_bucket import Whose
from sfn_cqrs.kernel.aws.object_versions import Version
from sfn_cqrs.kernel.clock import iso

MOST: Final = 1_000
"""Objects that are looked at in an hour; the next hour goes on behind them."""
LONGEST_RESTORE: Final = timedelta(days=35)
KEPT: Final = LONGEST_RESTORE + timedelta(days=1)


def sweep_objects(is_late: Callable[[], bool]) -> int:
    """Look at the next objects, delete those that nothing needs, and return how many."""
    reached, deleted, looked = bootstrap.usage().object_reached(), 0, 0
    for versions in islice(bootstrap.attributes().objects(reached), MOST):
        if is_late():
            break
        deleted += _is_deleted(versions)
        reached, looked = versions[0].key, looked + 1
    else:
        reached = reached if looked == MOST else ""
    bootstrap.usage().keep_object_reached(reached)
    return deleted


def _is_deleted(versions: list[Version]) -> bool:
    """Delete an object, in the versions that are listed, if nothing needs it.

    An object that was stored again meanwhile has one more version, which stays.
    """
    bucket, key = bootstrap.attributes(), versions[0].key
    long_ago = bootstrap.now() - KEPT
    if any(version.at is None or version.at > long_ago for version in versions):
        return False
    whose = bucket.whose(key)
    if whose is None:
        return False
    since, is_named = bucket.unnamed_since(key), _is_named(whose, key)
    if is_named and since:
        bucket.note_named(key)
    elif not is_named and not since:
        bucket.note_unnamed(key, iso(bootstrap.now()))
    if is_named or not since or since > iso(long_ago):
        return False
    bucket.delete(versions)
    return True


def _is_named(whose: Whose, pointer: str) -> bool:
    tables, key = bootstrap.audit_tables(), whose.key
    place = (key.data_pk, key.sk)
    looks = (
        lambda: tables.partition("commands", key.pk, key.version_sk(whose.version)),
        lambda: tables.rows([place]).values(),
        lambda: tables.partition("history", key.pk, key.version_sk(whose.version)),
    )
    return any(item.get("attributes_s3") == pointer for look in looks for item in look())
