"""Mutants of rules that are asserted once: each is found at the lowest level of its rule."""

from tests.mutants.mutant import Mutant

DOMAIN = "layer/sfn_cqrs/domain"
ADAPTERS = "layer/sfn_cqrs/adapters"
ROUTES = "layer/sfn_cqrs/routes"
UNIT = "tests/unit"


def _of(file: str, tests: str, *faults: tuple[str, str, str, str, str]) -> list[Mutant]:
    """Mutants of one file that tests of one file find: id, old, new, what breaks, test."""
    return [
        Mutant(id_, file, old, new, breaks, (f"{tests}::{test}",))
        for id_, old, new, breaks, test in faults
    ]


ONCE = [
    *_of(
        f"{DOMAIN}/versioning.py",
        f"{UNIT}/domain/test_versioning.py",
        (
            "H1",
            "data.command_id == mine.command_id",
            'data.command_id != ""',
            "a version that another command has written counts as applied by this one",
            "test_whose_turn_it_is",
        ),
        (
            "H2",
            "if predecessor.outcome is Outcome.APPLIED and data.version >= predecessor.version:",
            "if predecessor.outcome is Outcome.APPLIED:",
            "a version runs before the data of the one before are written",
            "test_whose_turn_it_is",
        ),
        (
            "H3",
            "return Turn.NOW if data.version >= predecessor.version else Turn.GAP",
            "return Turn.NOW",
            "a version runs though the one before is neither stored nor applied",
            "test_whose_turn_it_is",
        ),
    ),
    *_of(
        f"{DOMAIN}/chain.py",
        f"{UNIT}/domain/test_chain.py",
        (
            "H4",
            (
                "        if process.outcome is not Outcome.SKIPPED:\n"
                "            return Predecessor(below, process.outcome)"
            ),
            (
                "        if process.outcome is not Outcome.BLOCKED:\n"
                "            return Predecessor(below, process.outcome)"
            ),
            "a version waits for one that was given up",
            "TestTurn::test_skipped_versions_are_stepped_over",
        ),
        (
            "H5",
            "        elif verdict.turn is not Turn.WAIT:\n            yield Reject",
            "        elif verdict.turn is Turn.GAP:\n            yield Reject",
            "a version behind a failed one waits until its time is over",
            "TestWake::test_a_waiter_whose_predecessor_failed_fails_by_name",
        ),
        (
            "H7",
            "        if found.token != token:\n            return\n",
            "        return\n",
            "a function that stores its token twice does not look whether the wait is over",
            "TestWait::test_the_same_try_made_twice_looks_again",
        ),
        (
            "H8",
            "    if stored.outcome is Outcome.BLOCKED:\n        yield from wake(version)\n",
            "",
            "a version that is blocked while the one before is repaired stays so until the sweep",
            "TestClose::test_a_blocked_version_looks_whether_its_predecessor_was_repaired_meanwhile",
        ),
        (
            "H9",
            "        if process.outcome is not Outcome.SKIPPED:\n            break",
            "        break",
            "behind a version that was given up nobody is woken",
            "TestWake::test_the_next_one_is_the_nearest_that_is_not_skipped",
        ),
        (
            "H10",
            "    if not process.outcome.is_repairable:\n        raise NotFailedError",
            "    if process.outcome.is_settled:\n        raise NotFailedError",
            "an operator retries a version that is at work",
            "TestRepair::test_what_has_not_failed_is_not_repaired",
        ),
        (
            "H11",
            "    if process.outcome is Outcome.WAITING and not has_ended:\n        verdict",
            "    if process.outcome is Outcome.WAITING:\n        verdict",
            "a version whose execution was stopped while it queued waits for ever",
            "TestSweep::test_one_that_queues_and_whose_execution_was_stopped_fails",
        ),
        (
            "H12",
            "    if data.version >= version:\n        return False",
            "    if data.version > version:\n        return False",
            "a function that runs twice is told that the data moved",
            "TestApply::test_the_data_never_goes_back",
        ),
    ),
    *_of(
        f"{DOMAIN}/chain.py",
        f"{UNIT}/domain/test_process.py",
        (
            "H6",
            '(Absent("token_seq") | Below("token_seq", self.seq))',
            '(Absent("token_seq") | is_owned_by(self.attempt))',
            "a late try takes the newer token away, and the wait never ends",
            "test_a_token_is_replaced_by_a_later_try_only",
        ),
    ),
    *_of(
        f"{DOMAIN}/approval.py",
        f"{UNIT}/service/test_approvals.py",
        (
            "H13",
            "        has_say = self.rules.may_decide(user, groups) and not self._is_own(user)",
            "        has_say = self.rules.may_decide(user, groups)",
            "the inbox lists what its reader has requested and cannot decide",
            "test_the_inbox_has_what_waits_for_this_very_person",
        ),
    ),
    *_of(
        f"{DOMAIN}/approval.py",
        f"{UNIT}/domain/test_approval.py",
        (
            "H14",
            "len(votes) >= approval.rules.needed",
            "len(votes) > approval.rules.needed",
            "an approval needs one vote more than its rules say",
            "test_as_many_as_are_needed_grant",
        ),
        (
            "H15",
            (
                "        return not self.is_decided and not self.is_over(now) and not "
                "self._has_vote(user)"
            ),
            "        return not self.is_decided and not self.is_over(now)",
            "one person votes twice and grants alone",
            "test_nobody_votes_on_what_is_decided_or_over_or_twice",
        ),
        (
            "H17",
            (
                "        if approval.is_decided or not approval.is_over(self.now):\n"
                "            return None"
            ),
            "        if not approval.is_over(self.now):\n            return None",
            "what was granted at the last moment expires",
            "test_only_what_nobody_has_decided_in_time_expires",
        ),
        (
            "H18",
            "approval.token_seq is None or approval.token_seq < self.seq",
            "True",
            "a late wait takes a newer token away, and the decision wakes nobody",
            "test_a_late_wait_does_not_replace_a_newer_token",
        ),
        (
            "H19",
            (
                "        if (approval.attempt, approval.stage) != (self.attempt, Stage.FAILED):\n"
                "            return None\n"
                "        return _next_attempt(approval, at, restarts=0)"
            ),
            (
                "        if (approval.attempt, approval.stage) != (self.attempt, Stage.FAILED):\n"
                "            return None\n"
                "        return _next_attempt(approval, at, restarts=approval.restarts)"
            ),
            "what an operator runs again gets no further attempts from the sweep",
            "test_what_has_failed_begins_anew_and_counts_from_none",
        ),
        (
            "H20",
            "        return self.expires_at <= now\n",
            "        return self.expires_at < now\n",
            "a decision counts at the very moment at which it expires",
            "test_nobody_votes_on_what_is_decided_or_over_or_twice",
        ),
    ),
    *_of(
        f"{DOMAIN}/approval.py",
        "tests/security/test_approvals.py",
        (
            "H16",
            "if not approval.is_open_to(vote.by, vote.at) or vote.seen != approval.digest:",
            "if not approval.is_open_to(vote.by, vote.at):",
            "a vote counts for a content that its voter has not seen",
            "test_a_vote_on_something_else_is_none",
        ),
    ),
    *_of(
        f"{DOMAIN}/task_programs.py",
        f"{UNIT}/domain/test_task_programs.py",
        (
            "H21",
            (
                '        return again | Below("attempt", self.attempt) & _IS_NOT_COMPLETED & '
                "is_unleased"
            ),
            '        return again | Below("attempt", self.attempt) & is_unleased',
            "a retry runs an item again that went well",
            "test_an_item_is_taken_by_a_later_try_or_by_a_later_attempt_whose_turn_has_come",
        ),
        (
            "H22",
            "& _IS_NOT_COMPLETED & is_unleased",
            "& _IS_NOT_COMPLETED",
            "a later attempt works on an item beside the function of an earlier one",
            "test_an_item_is_taken_by_a_later_try_or_by_a_later_attempt_whose_turn_has_come",
        ),
        (
            "H23",
            '        return {"lease_until": 0, **self.ending.fields}',
            "        return {**self.ending.fields}",
            "an item that has ended is waited for until its lease is over",
            "test_an_item_that_ends_has_no_lease_and_one_that_is_settled_keeps_it",
        ),
    ),
    *_of(
        f"{DOMAIN}/task_programs.py",
        f"{UNIT}/task/test_iterator.py",
        (
            "H24",
            "    if fails_fast and item.status is TaskStatus.FAILED:",
            "    if item.status is TaskStatus.FAILED:",
            "one failed item stops a task that does not fail fast",
            "test_what_the_handler_raises_is_recorded_with_its_traceback_and_not_raised",
        ),
    ),
    *_of(
        f"{DOMAIN}/task_programs.py",
        f"{UNIT}/service/test_tasks.py",
        (
            "H25",
            "if item.status is not TaskStatus.COMPLETED)\n    written",
            "if item.status is TaskStatus.FAILED)\n    written",
            "a retry leaves out what was cancelled",
            "TestRetry::test_what_failed_or_was_cancelled_runs_again_and_nothing_else",
        ),
    ),
    *_of(
        f"{DOMAIN}/task_programs.py",
        f"{UNIT}/task/test_finalize_task.py",
        (
            "H26",
            (
                "    if task is None or task.attempt != attempt:\n"
                '        raise SupersededError(f"attempt {attempt} no longer owns the task")\n'
                "    if task.status.is_closed:"
            ),
            (
                "    if task is None:\n"
                '        raise SupersededError(f"attempt {attempt} no longer owns the task")\n'
                "    if task.status.is_closed:"
            ),
            "an attempt that is over ends the task of the next",
            "test_an_attempt_that_is_over_ends_nothing",
        ),
        (
            "H27",
            "[*statuses.values(), *expired]",
            "[*statuses.values()]",
            "items that have expired are missing in a task's counts",
            "test_items_that_have_expired_since_they_were_completed_are_counted_as_such",
        ),
    ),
    *_of(
        f"{DOMAIN}/import_job.py",
        f"{UNIT}/domain/test_import_job.py",
        (
            "H28",
            "        if job.parent is None or job.parent.seq > self.parent.seq:",
            "        if job.parent is None:",
            "an archive's earlier try takes the token of the next away",
            "test_a_later_wait_takes_an_earlier_ones_place_and_not_the_other_way",
        ),
        (
            "H29",
            "        return job if job.retried_by else replace(job, retried_by=self.id)",
            "        return replace(job, retried_by=self.id)",
            "two who retry an import at once import its failed rows twice",
            "test_a_job_is_retried_by_the_first_that_is_noted",
        ),
        (
            "H30",
            "        if self.is_cancelled:\n            ending",
            "        if not self.is_cancelled:\n            ending",
            "a job that ends well is told as cancelled",
            "test_a_job_ends_once",
        ),
        (
            "H32",
            (
                "            return None  # the next rows that are counted ask again, and the "
                "end tells all"
            ),
            "            pass",
            "progress is told many times a second",
            "test_progress_is_told_once_a_second_at_most",
        ),
        (
            "H34",
            "return replace(job, loaded=self.loaded, step=job.step or 0)",
            "return replace(job, loaded=self.loaded, step=0)",
            "progress that was told is told again once a file is read twice",
            "test_progress_only_moves_on",
        ),
    ),
    *_of(
        f"{DOMAIN}/import_job.py",
        f"{UNIT}/schedule/test_sweep_imports.py",
        (
            "H31",
            "lives = QUEUE_LIFE if self.sent_at else QUEUE_PATIENCE",
            "lives = QUEUE_PATIENCE",
            "a row that waits in its queue is sent again each minute",
            "test_a_message_is_not_sent_a_third_time_while_the_second_may_lie_in_its_queue",
        ),
    ),
    *_of(
        f"{DOMAIN}/import_job.py",
        f"{UNIT}/imports/test_undo.py",
        (
            "H33",
            "not is_whole and _between(self.finished_at, at) < LATE_ROWS",
            "not is_whole",
            "what has failed is never undone",
            "test_rows_that_changed_nothing_or_failed_are_no_rows_of_the_undo",
        ),
    ),
    *_of(
        f"{DOMAIN}/identity.py",
        "tests/security/test_claims.py",
        (
            "H40",
            (
                '        names = ("cognito:username", "username", "sub") if _is_cognitos(claims) '
                'else ("sub",)'
            ),
            '        names = ("cognito:username", "username", "sub")',
            "who chooses a claim of another issuer is somebody else",
            "test_only_cognitos_names_are_not_chosen_so_of_others_the_subject_is_the_user",
        ),
        (
            "H41",
            ' or "" in names:',
            ":",
            "a claim with two blanks is read as groups",
            "test_a_claim_that_could_be_read_in_two_ways_is_refused",
        ),
        (
            "H42",
            (
                "        if tenant == ALL_TENANTS:\n"
                '            raise UnauthorizedError("no token is one of all tenants")\n'
            ),
            "",
            "a token may ask for all tenants",
            "test_no_token_is_one_of_all_tenants",
        ),
    ),
    *_of(
        f"{DOMAIN}/policy.py",
        "tests/security/test_publishing_policy.py",
        (
            "H43",
            "        is_any = self.machines if client.is_machine else self.members",
            "        is_any = self.machines or self.members",
            "a machine may do what members may",
            "test_whom_the_declaration_names_may_and_nobody_else",
        ),
        (
            "H44",
            "            self.owners | other.owners,",
            "            self.owners,",
            "joined policies forget whom an item names",
            "test_a_policy_says_who_may",
        ),
        (
            "H45",
            "        if is_whole and name in before and name not in content.attributes:",
            "        if name in before and name not in content.attributes:",
            "a change that removes a guarded attribute is taken as none",
            "test_no_client_writes_a_guarded_attribute_in_part",
        ),
    ),
    *_of(
        f"{ADAPTERS}/records.py",
        "tests/contract/test_records.py",
        (
            "H50",
            "            if record is None or _rev_of(record) in mine:",
            "            if record is None:",
            "a write whose answer was lost is made twice",
            "test_a_write_whose_answer_was_lost_is_done_once",
        ),
        (
            "H51",
            (
                "            elif is_read:\n"
                "                return Written(done=after is not None, record=record)"
            ),
            (
                "            elif True:\n"
                "                return Written(done=after is not None, record=record)"
            ),
            "a record that somebody saw a while ago refuses a write",
            "test_what_was_seen_and_is_old_refuses_nothing",
        ),
        (
            "H52",
            "        if number == 0 and found:",
            "        if found:",
            "of many writers one starves: it goes on from an item of before its pause",
            "test_who_comes_second_goes_on_at_once_and_then_after_a_pause_from_what_is_there",
        ),
        (
            "H53",
            (
                "return {name: value for name, value in before.items() if name not in new} | "
                "marshal(new)"
            ),
            (
                "return {name: value for name, value in before.items() if name in known and name "
                "not in new} | marshal(new)"
            ),
            "what another version of the code has written is lost at the next change",
            "test_what_another_version_of_the_code_wrote_is_carried",
        ),
    ),
    *_of(
        f"{ADAPTERS}/paging.py",
        "tests/security/test_lists.py",
        (
            "H54",
            (
                "        if len(page) == wanted.limit:\n"
                '            return Page(page, cursor_at(page[-1]["sk"]))'
            ),
            (
                "        if len(page) == wanted.limit:\n"
                '            return Page(page, cursor_at(loaded["sk"]))'
            ),
            "a page's cursor leaves one item out",
            "test_pages_of_any_sizes_have_every_item_once_and_in_order",
        ),
        (
            "H56",
            "        if page and room < 0:",
            "        if room < 0:",
            "the largest item is on no page, and its list never ends",
            "test_pages_of_any_sizes_have_every_item_once_and_in_order",
        ),
    ),
    *_of(
        f"{ADAPTERS}/paging.py",
        "tests/contract/test_command_table.py",
        (
            "H55",
            "        if not sk.startswith(self.prefix) or len(sk.encode()) > MAX_SK_BYTES:",
            "        if len(sk.encode()) > MAX_SK_BYTES:",
            "a cursor of one list opens another",
            "test_a_cursor_of_another_list_is_refused",
        ),
    ),
    *_of(
        f"{ADAPTERS}/paging.py",
        "tests/contract/test_merged_lists.py",
        (
            "H57",
            "    return sk.encode()\n",
            '    return sk.encode("utf-16")\n',
            "merged lists are in another order than DynamoDB's, and pages leave items out",
            "test_no_row_is_lost_or_doubled_while_others_come_and_go",
        ),
    ),
    *_of(
        f"{ROUTES}/schemas/shapes.py",
        f"{UNIT}/service/test_shapes.py",
        (
            "H60",
            "if v is not None or CHECKED not in self.fields[n]}",
            "if v is not None}",
            "a field that must be given may be null",
            "test_what_is_not_of_its_shape_is_refused",
        ),
        (
            "H61",
            '        return None if isinstance(value, bool) else "must be true or false"',
            '        return None if isinstance(value, bool | int) else "must be true or false"',
            "1 is taken for true",
            "test_what_is_not_of_its_shape_is_refused",
        ),
        (
            "H62",
            "        is_list = isinstance(value, list) and least <= len(value) <= most",
            "        is_list = isinstance(value, list) and len(value) <= most",
            "an empty batch is taken",
            "test_what_is_not_of_its_shape_is_refused",
        ),
        (
            "H63",
            "            if value is not None or is_needed or (may_be_null and name in given):",
            "            if value is not None or is_needed:",
            "a field that says null is left out",
            "test_nothing_is_shown_only_where_it_is_given_and_may_be_null",
        ),
    ),
    *_of(
        f"{DOMAIN}/saga.py",
        f"{UNIT}/domain/test_saga.py",
        (
            "H70",
            (
                "        can_begin = self.status is EntryStatus.STARTED or (\n"
                "            is_undo and self.status is not EntryStatus.DONE\n"
                "        )"
            ),
            "        can_begin = self.status is not EntryStatus.DONE",
            "a step that was refused is tried again",
            "test_a_try_takes_over_what_has_no_end_and_a_compensation_what_has_failed",
        ),
        (
            "H71",
            "(self.attempt == attempt and self.seq <= seq)",
            "(self.attempt == attempt and self.seq < seq)",
            "a step whose function died is not begun by the same try again",
            "test_a_try_takes_over_what_has_no_end_and_a_compensation_what_has_failed",
        ),
        (
            "H72",
            "(EntryStatus.STARTED, attempt, seq)",
            "(self.status, attempt, seq)",
            "a step that has ended ends again otherwise",
            "test_only_the_try_that_works_on_a_step_says_how_it_ended_and_once",
        ),
    ),
    *_of(
        f"{ROUTES}/commands.py",
        f"{UNIT}/api/test_handle_request.py",
        (
            "H80",
            '_publish_partial if body.get("partial") else _publish_whole',
            "_publish_whole",
            "a partial change is refused, or replaces the whole item",
            "TestPublish::test_a_partial_change_keeps_what_it_does_not_name",
        ),
    ),
    *_of(
        f"{ROUTES}/data.py",
        f"{UNIT}/api/test_handle_request.py",
        (
            "H81",
            'request.query("deleted") == "true"',
            'request.query("deleted") != "true"',
            "a deleted item is shown to whoever did not ask for it",
            "TestData::test_a_deleted_item_is_shown_where_it_is_asked_for",
        ),
    ),
]
