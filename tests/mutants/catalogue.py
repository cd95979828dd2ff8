"""The mutants, by the file they are in and the tests that find them, all of `make test`.

A mutant is a fault that somebody could make: a bound off by one, a condition less, two steps in
the other order. Write one for a line that no test would miss, and then the test. A rule that is
asserted once has one that the test at its lowest level finds.
"""

from tests.mutants.mutant import Mutant

DOMAIN = "layer/sfn_cqrs/domain"
ADAPTERS = "layer/sfn_cqrs/adapters"
SERVICE = "layer/sfn_cqrs/service"
ROUTES = "layer/sfn_cqrs/routes"
ENGINE = "engine/sfn_local"
UNIT = "tests/unit"
STREAM_TO_MACHINES = """]
              Resource: !Sub "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:\
stateMachine:${AWS::StackName}-command"
            - Effect: Allow
              Action: states:StartExecution
              Resource: !Sub "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:\
stateMachine:${AWS::StackName}-command-express"
            - Effect: Allow
              Action: sns:Publish
"""


def _of(file: str, tests: str, *faults: tuple[str, str, str, str, str]) -> list[Mutant]:
    """Mutants of one file that tests of one file find: id, old, new, what breaks, test."""
    return [
        Mutant(id_, file, old, new, breaks, f"{tests}::{test}")
        for id_, old, new, breaks, test in faults
    ]


MUTANTS = [
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
        f"{DOMAIN}/chain.py",
        "tests/contract/test_process_table.py",
        (
            "C6",
            '        """Whether the sweep counts from now: yes."""\n        return True\n',
            '        """Whether the sweep counts from now: yes."""\n        return False\n',
            "a retried version counts as old as its failure, and raises an alarm",
            "test_a_restart_opens_the_next_attempt_once",
        ),
        (
            "C7",
            "        return self.outcome is Outcome.FAILED\n",
            "        return False\n",
            "repairs list failures by when they were published, and `since` leaves some out",
            "test_what_has_failed_is_listed_by_the_moment_when_it_failed",
        ),
    ),
    *_of(
        f"{DOMAIN}/chain.py",
        f"{UNIT}/domain/test_chain.py",
        (
            "X5",
            (
                "    yield Start(process.version, process.attempt, is_express=True, "
                "trace=process.trace)\n"
            ),
            "    yield Start(process.version, process.attempt, is_express=True)\n",
            "the trace of a version that the sweep starts ends at its publish",
            "TestSweep::test_what_is_started_again_goes_on_with_its_trace",
        ),
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
            "DB3",
            "is_attempt(self.attempt) & (IS_REPAIRABLE | IS_WITH_ITS_PUBLISHER)",
            "is_attempt(self.attempt) & IS_REPAIRABLE",
            "a version whose publisher died waits for ever",
            "test_what_failed_or_died_with_its_publisher_may_restart",
        ),
        (
            "C3",
            "is_attempt(self.attempt, self.run) & IS_IN_THE_EXPRESS_LANE",
            "is_attempt(self.attempt) & IS_IN_THE_EXPRESS_LANE",
            "a run without the claim hands a version over, which two machines then run",
            "test_another_run_than_the_one_that_claimed_it_writes_nothing",
        ),
        (
            "C4",
            "        return is_owned_by(self.attempt, self.run)\n",
            "        return is_owned_by(self.attempt)\n",
            "a second run of the express machine closes the version of the first",
            "test_another_run_than_the_one_that_claimed_it_writes_nothing",
        ),
        (
            "C5",
            '        return is_owned_by(self.attempt) & is_one("run", self.run)\n',
            "        return is_owned_by(self.attempt)\n",
            "a version is begun anew though its run goes on",
            "test_another_run_than_the_one_that_claimed_it_writes_nothing",
        ),
        (
            "H6",
            '(Absent("token_seq") | Below("token_seq", self.seq))',
            '(Absent("token_seq") | is_owned_by(self.attempt))',
            "a late try takes the newer token away, and the wait never ends",
            "test_a_token_is_replaced_by_a_later_try_only",
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
        f"{DOMAIN}/import_budget.py",
        f"{UNIT}/domain/test_import_budget.py",
        (
            "I1",
            "size=max(taken.size, self.size)",
            "size=self.size",
            "a job whose rows are counted has no bytes: a tenant opens as many as it likes",
            "test_a_job_keeps_its_bytes_when_its_rows_are_counted",
        ),
        (
            "I2",
            "        if larger != taken and self.limits",
            "        if self.limits",
            "once a deploy lowers a limit, an import that is tried again fails",
            "test_what_is_measured_twice_is_taken_even_if_less_would_be_given_today",
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
        f"{UNIT}/domain/test_imports.py",
        (
            "N6",
            "return iso(datetime.fromisoformat(since) - CLOCK_SKEW) if since",
            "return iso(datetime.fromisoformat(since)) if since",
            "a row is written over by an earlier one of its file where clocks differ",
            "test_a_version_that_may_be_younger_than_the_job_may_hide_one_of_its_own",
        ),
    ),
    *_of(
        f"{DOMAIN}/import_queue.py",
        f"{UNIT}/domain/test_import_queue.py",
        (
            "Q3",
            "waiting = (queue.waiting - self.seen) | self.left",
            "waiting = frozenset(self.left)",
            "a tenant that comes while others are looked at is forgotten",
            "test_a_tenant_that_came_while_all_were_looked_at_goes_on_waiting",
        ),
    ),
    *_of(
        f"{DOMAIN}/masking.py",
        "tests/security/test_secrets.py",
        (
            "M2",
            "(?:[ -]?[A-Z0-9]{4}){2,7}",
            "(?:[ -]?[A-Z0-9]{4}){3,7}",
            "Norwegian IBANs stay in logs",
            "test_what_is_private_is_masked_and_the_words_around_it_stay",
        ),
    ),
    *_of(
        f"{DOMAIN}/notices.py",
        f"{UNIT}/domain/test_notices.py",
        (
            "O1",
            '"errorMessage": message[:MAX_MESSAGE]',
            '"errorMessage": message',
            "an alarm with a long cause is larger than a message may be",
            "test_an_alarms_message_is_short_and_there_is_one_without_a_cause",
        ),
    ),
    *_of(
        f"{DOMAIN}/task_notices.py",
        f"{UNIT}/domain/test_notices.py",
        (
            "O9",
            "(task.counts or tasks.Counts()).by_name}",
            '(task.counts or tasks.Counts()).by_name, "cancelled": 0}',
            "the notice of a task says that no item was cancelled",
            "test_a_notice_tells_how_the_items_of_a_task_have_ended",
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
        f"{DOMAIN}/process.py",
        f"{UNIT}/domain/test_process.py",
        (
            "DB1",
            '    current = is_one("attempt", attempt)',
            '    current = is_one("attempt", attempt, attempt + 1)',
            "an execution of an attempt that was retried writes the status of the next",
            "test_only_the_current_attempt_writes_and_only_while_the_version_is_open",
        ),
        (
            "DB2",
            'current & (Absent("run") | is_one("run", run))',
            "current",
            "two runs of the express lane work on one version at once",
            "test_another_run_than_the_one_that_claimed_it_writes_nothing",
        ),
    ),
    *_of(
        f"{DOMAIN}/read_models.py",
        f"{UNIT}/domain/test_read_models.py",
        (
            "G7",
            "segment = replace(segment, cursor=None, is_done=False, counts=Counts())",
            "segment = replace(segment, cursor=None, is_done=False)",
            "items count twice once a rebuild is resumed",
            "test_an_attempt_that_does_what_failed_again_begins_the_count_anew",
        ),
        (
            "G18",
            (
                "if segment.is_done or (segment.attempt, segment.cursor) != "
                "(self.attempt, self.before):"
            ),
            "if segment.is_done or segment.attempt != self.attempt:",
            "two functions at one segment count its pages twice, and leave pages out",
            "test_a_page_is_counted_once_by_the_attempt_that_read_it",
        ),
    ),
    *_of(
        f"{DOMAIN}/read_models.py",
        f"{UNIT}/service/test_rebuilds.py",
        (
            "G1",
            "if view.stage in (Stage.READY, Stage.SWITCHED) and at",
            "if view.stage is Stage.SWITCHED and at",
            "a drop after a rollback deletes rows that functions still read",
            "test_what_was_rolled_back_is_dropped_once_nobody_can_read_it",
        ),
        (
            "G15",
            '"replayed": self.counts, "round": view.round + 1}',
            '"replayed": self.counts}',
            "a resumed rebuild is not compared again, and its old problems stay",
            "test_what_failed_is_replayed_again_by_who_resumes_and_told_no_more",
        ),
        (
            "G16",
            "stage=Stage.COMPARING, attempt=view.attempt + 1, round=view.round + 1)",
            "stage=Stage.COMPARING, attempt=view.attempt + 1)",
            "a comparison that is asked for again compares nothing",
            "test_rows_on_their_way_to_both_generations_are_read_again",
        ),
        (
            "G17",
            "            latest=view.latest + 1,\n",
            "            latest=view.latest,\n",
            "a new generation has rows of a dropped one that are not deleted yet",
            "test_the_number_of_a_generation_is_never_used_again",
        ),
    ),
    *_of(
        f"{DOMAIN}/rebuild_programs.py",
        f"{UNIT}/service/test_rebuilds.py",
        (
            "G6",
            " and not is_redone",
            "",
            "items that failed are never replayed again",
            "test_what_failed_is_replayed_again_by_who_resumes_and_told_no_more",
        ),
    ),
    *_of(
        f"{DOMAIN}/saga.py",
        f"{UNIT}/domain/test_saga.py",
        (
            "U7",
            "retried = _next_attempt(saga, at, restarts=0)",
            "retried = _next_attempt(saga, at, restarts=saga.restarts)",
            "a retried saga is parked at the first execution that dies",
            "test_a_parked_saga_is_retried_as_its_next_attempt",
        ),
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
        f"{DOMAIN}/saga_programs.py",
        "examples/shop/tests/order_saga/test_release_stock.py",
        (
            "U1",
            "    if move.step not in saga.log:\n        return None\n",
            "    if not _is_done(saga, move.step):\n        return None\n",
            "a step whose end nobody recorded is not undone",
            "test_only_the_goods_that_were_taken_are_put_back",
        ),
        (
            "U4",
            (
                "    if entry is not None and entry.error is not None:\n"
                '        return entry.error, entry.cause or ""\n'
            ),
            "",
            "a saga does not say why its step failed",
            "test_what_the_step_recorded_says_more_than_what_the_machine_caught",
        ),
    ),
    *_of(
        f"{DOMAIN}/saga_programs.py",
        "examples/shop/tests/order_saga/test_resume.py",
        (
            "U5",
            "is_undoing = saga.is_undoing or failed is not None",
            "is_undoing = failed is not None",
            "a retried saga goes forward though it had turned back",
            "test_a_later_attempt_goes_on_where_the_log_says",
        ),
    ),
    *_of(
        f"{DOMAIN}/saga_programs.py",
        f"{UNIT}/domain/test_saga_programs.py",
        (
            "U2",
            "if move.step in saga.log and not _is_done(saga, move.compensation)",
            "if _is_done(saga, move.step) and not _is_done(saga, move.compensation)",
            "a saga ends as COMPENSATED though a step that may have happened is not undone",
            "test_whatever_had_begun_is_left_to_be_undone_the_last_first",
        ),
        (
            "U9",
            (
                "if entry.status is EntryStatus.DONE:\n"
                "        return entry\n"
                "    if (entry.status, entry.attempt, entry.seq) != (EntryStatus.STARTED"
            ),
            (
                "if entry.status is not EntryStatus.STARTED:\n"
                "        return entry\n"
                "    if (entry.status, entry.attempt, entry.seq) != (EntryStatus.STARTED"
            ),
            "a late try answers for a later one whose compensation has failed",
            "test_a_late_try_does_not_answer_for_a_later_one_whose_compensation_has_failed",
        ),
        (
            "U10",
            "        for move in reversed(moves)\n",
            "        for move in moves\n",
            "steps are undone in the order in which they were made",
            "test_whatever_had_begun_is_left_to_be_undone_the_last_first",
        ),
    ),
    *_of(
        f"{DOMAIN}/saga_programs.py",
        f"{UNIT}/schedule/test_sweep_sagas.py",
        (
            "U6",
            "saga.restarts < MAX_RESTARTS:",
            "saga.restarts <= MAX_RESTARTS:",
            "a saga whose executions die is restarted once more than the docs say",
            "test_a_saga_whose_fourth_execution_died_is_parked",
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
            "DB12",
            'AtMost("attempt", self.attempt) & _IS_UNENDED',
            'Below("attempt", self.attempt) & _IS_UNENDED',
            "an item whose function died stays open, and so does its task",
            "test_an_item_whose_function_died_at_every_try_fails_with_its_error",
        ),
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
        f"{DOMAIN}/task_programs.py",
        f"{UNIT}/task/test_iterator.py",
        (
            "DB11",
            'is_one("attempt", self.attempt) & is_one("seq", self.seq)',
            'is_one("attempt", self.attempt)',
            "a function that outlived its try ends the item of the next",
            "test_a_function_that_outlives_its_try_records_nothing",
        ),
        (
            "H24",
            "    if fails_fast and item.status is TaskStatus.FAILED:",
            "    if item.status is TaskStatus.FAILED:",
            "one failed item stops a task that does not fail fast",
            "test_what_the_handler_raises_is_recorded_with_its_traceback_and_not_raised",
        ),
    ),
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
        f"{DOMAIN}/write_rate.py",
        f"{UNIT}/domain/test_write_rate.py",
        (
            "W2",
            "left = self.tokens if at < self.ends_at else 0",
            "left = self.tokens",
            "a tenant exceeds its rate by the tokens of leases that are long over",
            "test_what_a_lease_had_left_is_lost_with_it",
        ),
    ),
    *_of(
        f"{DOMAIN}/zip_directory.py",
        f"{UNIT}/domain/test_zip_corpus.py",
        (
            "Z4",
            "        if at + comment == last:\n",
            "        if at + comment <= last:\n",
            "an archive has other files than other tools show",
            "test_every_archive_is_read_as_the_corpus_says",
        ),
    ),
    *_of(
        f"{ENGINE}/dataflow/recovery.py",
        "engine/tests/test_recovery.py",
        (
            "E2",
            (
                """\
            delay = min(delay, self.longest_delay)
        return delay * random if self.full_jitter else delay
"""
            ),
            (
                """\
            delay = min(delay * random if self.full_jitter else delay, self.longest_delay)
        return delay
"""
            ),
            "pauses of retries are longer here than on AWS",
            "test_full_jitter_is_a_part_of_the_longest_delay",
        ),
    ),
    *_of(
        f"{ENGINE}/distributed/children.py",
        "engine/tests/test_redrive.py",
        (
            "E4",
            'if child.status != "SUCCEEDED" and self._run.tolerance.percentage != ALL:',
            'if child.status != "SUCCEEDED":',
            "a redrive does again what AWS leaves alone",
            "test_a_map_run_that_tolerates_all_failures_does_not_repeat_them",
        ),
    ),
    *_of(
        f"{ENGINE}/executions/counts.py",
        "engine/tests/test_distributed_map.py",
        (
            "E8",
            "return self.failed + self.timed_out",
            "return self.failed",
            "a Map Run whose children time out succeeds here and fails on AWS",
            "test_children_that_time_out_count_against_the_tolerance",
        ),
    ),
    *_of(
        f"{ENGINE}/executions/counts.py",
        "engine/tests/test_map_run_limits.py",
        (
            "E12",
            "if self.percentage is None or (total is None and self.percentage > 0):",
            "if self.percentage is None or total is None:",
            "a Map Run that tolerates nothing goes on until all items are read",
            "test_a_share_is_judged_once_all_items_are_read_and_nothing_at_once",
        ),
    ),
    *_of(
        f"{ENGINE}/executions/map_run.py",
        "engine/tests/test_map_run_limits.py",
        (
            "E13",
            "return min(self.most_at_once or MOST_AT_ONCE, MOST_AT_ONCE)",
            "return self.most_at_once or MOST_AT_ONCE",
            "more children run at a time here than on AWS",
            "test_ten_thousand_children_run_at_a_time_at_most",
        ),
    ),
    *_of(
        f"{ENGINE}/registry/redrives.py",
        "engine/tests/test_redrive_tokens.py",
        (
            "E15",
            "deque(maxlen=MOST_TOKENS)",
            "deque()",
            "tokens of redrives are remembered without end",
            "test_the_last_ten_tokens_of_an_execution_are_known",
        ),
    ),
    *_of(
        f"{ADAPTERS}/command_table.py",
        f"{UNIT}/command/test_set_ttl_command.py",
        (
            "DB5",
            'ConditionExpression="attribute_exists(pk) AND attribute_not_exists(#ttl)"',
            'ConditionExpression="attribute_not_exists(#ttl)"',
            "an item of a ttl alone stands where a version has expired, and lists fail on it",
            "test_a_command_that_has_gone_is_not_made_again",
        ),
    ),
    *_of(
        f"{ADAPTERS}/conditional.py",
        f"{UNIT}/service/test_publish.py",
        (
            "DB4",
            '"ConditionExpression": "attribute_not_exists(pk)"',
            '"ConditionExpression": "attribute_not_exists(nobody)"',
            "of two who publish the same version the first is lost",
            "TestPartial::test_a_change_that_was_overtaken_merges_into_what_came_between",
        ),
    ),
    *_of(
        f"{ADAPTERS}/command_table.py",
        f"{UNIT}/service/test_publish_sync.py",
        (
            "DB6",
            '"attribute_not_exists(pk) OR outcome = :applied"',
            '"attribute_not_exists(pk) OR outcome <> :applied"',
            "a request applies its version while the one before is at work",
            "test_the_state_before_is_kept_in_the_history",
        ),
    ),
    *_of(
        f"{ADAPTERS}/conditional.py",
        "tests/contract/test_process_equivalence.py",
        (
            "C2",
            "if isinstance(condition, Either) else text",
            "if isinstance(condition, Both) else text",
            "an `or` beside an `and` is read the other way",
            "test_the_expression_is_the_domains_rule",
        ),
        (
            "C9",
            'f"attribute_not_exists({self.name(condition.field)})"',
            'f"attribute_exists({self.name(condition.field)})"',
            "what nobody has claimed is refused to everybody",
            "test_the_expression_is_the_domains_rule",
        ),
    ),
    *_of(
        f"{ADAPTERS}/data_table.py",
        "tests/contract/test_data_table.py",
        (
            "DB13",
            'FilterExpression="is_deleted = :no"',
            'FilterExpression="is_deleted <> :no"',
            "lists show what is deleted, and nothing else",
            "test_a_deleted_row_is_found_but_not_listed",
        ),
    ),
    *_of(
        f"{ADAPTERS}/generation_rows.py",
        "tests/contract/test_busy_tables.py",
        (
            "G4",
            'asked = answer.get("UnprocessedItems", {}).get(self._table)',
            "asked = None",
            "rows of a generation that was dropped stay for ever",
            "test_rows_that_are_left_unprocessed_are_deleted_by_another_call",
        ),
    ),
    *_of(
        f"{ADAPTERS}/generations.py",
        "tests/contract/test_generations.py",
        (
            "G13",
            "not timedelta() <= now - read_at < self._known_for",
            "now - read_at >= self._known_for",
            "a function whose clock has gone back reads a generation that is dropped",
            "test_what_serves_is_read_again_where_a_clock_has_gone_back",
        ),
        (
            "G14",
            "writing is not None and writing.tenant == tenant and view",
            "writing is not None and view",
            "a handler that writes for another tenant writes a generation that it has not",
            "test_what_is_told_of_one_tenant_is_not_told_of_another",
        ),
    ),
    *_of(
        f"{ADAPTERS}/import_table.py",
        "tests/contract/test_import_table.py",
        (
            "N1",
            "return _as_marker(refused).counts",
            "return marker.counts",
            "a batch that comes twice answers counts that nobody has counted",
            "test_a_batch_is_counted_once",
        ),
        (
            "N2",
            "for shard in range(SHARDS)\n",
            "for shard in range(SHARDS - 1)\n",
            "a batch that comes after the end is counted, and the counts exceed the rows",
            "test_no_batch_of_any_counter_is_counted_after_the_seal",
        ),
    ),
    *_of(
        f"{ADAPTERS}/import_table.py",
        f"{UNIT}/import_csv/test_csv_rows_handler.py",
        (
            "DB9",
            '"ConditionExpression": "attribute_not_exists(sealed)"',
            '"ConditionExpression": "attribute_not_exists(nobody)"',
            "a batch that comes after the end is counted",
            "test_a_batch_that_comes_after_the_job_was_ended_without_it_is_not_counted",
        ),
    ),
    *_of(
        f"{ADAPTERS}/live_events.py",
        "tests/local/test_live.py",
        (
            "V3",
            "        if failed:\n",
            "        if len(failed) == len(texts):\n",
            "events that AppSync did not take are lost",
            "test_what_is_not_taken_is_no_success",
        ),
    ),
    *_of(
        f"{ADAPTERS}/open_index.py",
        "tests/contract/test_records.py",
        (
            "P7",
            '            ConditionExpression="lease_owner = :me",\n',
            '            ConditionExpression="attribute_exists(pk)",\n',
            "a sweep that was overtaken writes over the place of the next",
            "test_the_sweeps_place_is_kept",
        ),
    ),
    *_of(
        f"{ADAPTERS}/open_index.py",
        f"{UNIT}/schedule/test_finish_imports.py",
        (
            "DB10",
            '"opened_at < :before"',
            '"opened_at > :before"',
            "sweeps repair what has just begun, and nothing that hangs",
            "test_a_job_whose_execution_died_ends_by_what_was_counted",
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
        f"{ADAPTERS}/paging.py",
        "tests/security/test_lists.py",
        (
            "D4",
            "_ITEM_BYTES = 2_048",
            "_ITEM_BYTES = 0",
            "a full page of small items is more than Lambda answers",
            "test_a_page_has_room_for_what_an_answer_adds_to_each_item",
        ),
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
        f"{ADAPTERS}/read_model.py",
        "examples/shop/tests/test_airports.py",
        (
            "DB7",
            'OR version < :version"',
            'OR version <> :version"',
            "a late retry puts an older row over a newer one",
            "test_a_stale_version_does_not_overwrite_a_newer_row",
        ),
    ),
    *_of(
        f"{ADAPTERS}/records.py",
        "tests/contract/test_records.py",
        (
            "R2",
            "            return self._alive(found)\n",
            "            return self._kind.read(found)\n",
            "a record that has expired is changed and lives again",
            "test_what_has_expired_is_not_written_over_by_who_comes_second",
        ),
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
        f"{ADAPTERS}/request_table.py",
        f"{UNIT}/service/test_publish.py",
        (
            "DB8",
            '"attribute_not_exists(pk) OR #ttl <= :now"',
            '"attribute_not_exists(pk) OR #ttl > :now"',
            "an Idempotency-Key does not keep a request from being made twice",
            "TestIdempotency::test_after_24_hours_the_key_is_free",
        ),
    ),
    *_of(
        f"{ADAPTERS}/sql.py",
        "tests/contract/test_sql.py",
        (
            "S9",
            "return again(partial(self._run, statement, checked(parameters)), RolledBackError)",
            "return again(partial(self._run, statement, checked(parameters)), BusyError)",
            "a statement whose answer is lost is made twice",
            "TestDriver::test_a_connection_that_is_lost_is_transient_and_the_next_is_new",
        ),
    ),
    *_of(
        f"{ADAPTERS}/sql.py",
        "tests/contract/test_sql_statements.py",
        (
            "S2",
            "for key in sorted(newest))",
            "for key in newest)",
            "batches of the same rows deadlock",
            "test_rows_are_sent_in_the_order_of_their_keys_so_that_no_two_writers_deadlock",
        ),
        (
            "S16",
            '_BUSY: Final = ("08", "53", *_ROLLED_BACK',
            '_BUSY: Final = ("08", *_ROLLED_BACK',
            "versions fail for good where PostgreSQL has no connection left for a moment",
            "test_a_state_that_passes_is_busy_and_any_other_is_refused",
        ),
        (
            "S18",
            "count_writes(put, len(texts) - put)",
            "count_writes(put, 0)",
            "a rebuild in PostgreSQL never says that items were skipped",
            "test_rows_that_are_put_and_those_that_are_not_are_counted_for_a_rebuild",
        ),
    ),
    *_of(
        f"{ADAPTERS}/sql_data_api.py",
        "tests/contract/test_sql.py",
        (
            "S13",
            (
                "                with _telling():\n"
                "                    self._client.rollback_transaction("
                "transactionId=id_, **self._where)\n"
                "                raise\n"
            ),
            "                raise\n",
            "a handler that raises holds its locks for three minutes",
            "test_a_transaction_whose_block_raises_is_not_left_open",
        ),
        (
            "S22",
            '    "TransactionNotFoundException",  # it was idle for too long\n',
            "",
            "a version fails for good because a transaction was idle for too long",
            "TestDataApi::test_a_cluster_that_wakes_up_is_transient",
        ),
    ),
    *_of(
        f"{ADAPTERS}/sql_driver.py",
        "tests/contract/test_sql.py",
        (
            "S3",
            '_BROKEN: Final = ("08", "25006", "57P")',
            '_BROKEN: Final = ("08", "57P")',
            "after a failover a warm function writes to the reader until it ends",
            "TestDriver::test_a_server_that_only_reads_is_left_for_another",
        ),
        (
            "S14",
            (
                "                with _telling():\n"
                '                    connection.run("ROLLBACK")\n'
                "                raise\n"
            ),
            "                raise\n",
            "the next statements of a warm function belong to a transaction that never ends",
            "test_a_transaction_whose_block_raises_has_done_nothing",
        ),
    ),
    *_of(
        f"{ADAPTERS}/sql_driver.py",
        "tests/security/test_sql_tls.py",
        (
            "S8",
            'else "verify-full")',
            'else "require")',
            "whoever stands between a function and its database reads along",
            "test_a_server_elsewhere_has_to_prove_its_name",
        ),
    ),
    *_of(
        f"{ADAPTERS}/sql_rows.py",
        "tests/contract/test_sql_rows.py",
        (
            "S25",
            "rows[-1].place if len(rows) == PAGE_SIZE else None",
            "None",
            "a rebuild compares and drops the first 200 rows only",
            "test_each_generation_is_read_whole_and_in_pages",
        ),
    ),
    *_of(
        f"{ADAPTERS}/topics.py",
        "tests/contract/test_topics.py",
        (
            "O4",
            "            if failed:\n",
            "            if len(failed) == len(entries):\n",
            "notices that SNS did not take are lost",
            "test_a_message_that_was_not_taken_is_an_error_that_may_pass_and_ends_the_calls",
        ),
        (
            "O5",
            '"MessageGroupId": message["tenantCode"],',
            '"MessageGroupId": "all",',
            "one tenant's messages hold up those of all others",
            "test_a_queue_is_told_whose_a_message_is_so_that_it_is_fair_to_tenants",
        ),
    ),
    *_of(
        f"{ADAPTERS}/wait_table.py",
        "tests/contract/test_wait_table.py",
        (
            "K2",
            "OR since <= :since",
            "OR since < :since",
            "a function that runs twice loses its own token, and the execution hangs",
            "test_a_function_that_runs_twice_keeps_its_token",
        ),
    ),
    *_of(
        f"{ADAPTERS}/write_bucket.py",
        "tests/contract/test_write_bucket.py",
        (
            "W3",
            "del self._purses[next(iter(self._purses))]",
            "del self._purses[tenant]",
            "beyond 10,000 tenants each request leases, and a bucket's key gets hot",
            "test_the_purse_that_was_used_last_is_kept",
        ),
        (
            "W4",
            "            purse = self._purses.get(tenant, purse)\n",
            "",
            "two threads lease at once, and the tokens of one are lost",
            "test_two_threads_that_lease_at_once_keep_the_tokens_of_both",
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
        f"{SERVICE}/commands/waiting.py",
        f"{UNIT}/api/test_waiting.py",
        (
            "Y2",
            "on_its_way = {Outcome.OPEN, Outcome.WAITING, Outcome.APPLIED}",
            "on_its_way = {Outcome.OPEN, Outcome.WAITING}",
            "a read that meets its version being applied is told that it never will be",
            "TestPython::test_a_version_that_is_applied_between_two_reads_is_looked_at_again",
        ),
        (
            "Y6",
            "yield min(pause, seconds)",
            "yield pause",
            "a request waits longer than its client asked for",
            "TestVersion::test_one_that_stays_open_is_accepted_and_asked_for_again",
        ),
        (
            "Y7",
            "while seconds > 0 and bootstrap.now() <= until:",
            "while seconds > 0:",
            "a request whose reads are slow outlives its function",
            "TestPython::test_what_looks_take_is_part_of_the_wait",
        ),
    ),
    *_of(
        f"{SERVICE}/imports/queue.py",
        f"{UNIT}/imports/test_queue.py",
        (
            "Q2",
            "    if queue.waiting:\n        begin_waiting()\n",
            "",
            "an import that waits begins a minute after its place is free",
            "test_what_is_above_the_places_of_a_tenant_stays_created_and_begins_oldest_first",
        ),
        (
            "Q4",
            "if len(queue.running) >= places.all or number == LOOKED_AT:",
            "if len(queue.running) >= places.all:",
            "a tenant behind a thousand that wait is forgotten",
            "test_a_tenant_behind_those_that_are_looked_at_goes_on_waiting",
        ),
    ),
    *_of(
        f"{SERVICE}/imports/rows.py",
        f"{UNIT}/imports/test_row_batch.py",
        (
            "N4",
            "Marker(self._first, self._rows[-1].number,",
            "Marker(self._first, self._first + len(self._rows) - 1,",
            "a report leaves out failed rows of a file with blank lines",
            "test_a_batch_is_marked_by_its_first_and_its_last_row_whatever_lies_between",
        ),
    ),
    *_of(
        f"{SERVICE}/rebuilds/replay.py",
        f"{UNIT}/rebuild/test_work_on_segment.py",
        (
            "G2",
            "seen = last.version if last.key == row.key else 0",
            "seen = last.version",
            "a rebuild of every version leaves out the first versions of an item",
            "test_a_page_that_ends_between_two_items_of_a_bucket_leaves_nothing_out",
        ),
        (
            "G9",
            "seen = version if row.key.code == code else 0",
            "seen = version",
            "a rebuild of every version leaves out the first versions of each later item of a page",
            "test_a_page_of_every_version_is_bounded",
        ),
    ),
    *_of(
        f"{SERVICE}/rebuilds/replay.py",
        f"{UNIT}/service/test_rebuilds.py",
        (
            "G19",
            "skipped = writing.refused if is_row_each else 0",
            "skipped = writing.refused",
            "a bulk handler that writes several rows makes counts negative",
            "test_rows_that_a_bulk_handler_writes_beside_others_are_not_taken_for_items",
        ),
    ),
    *_of(
        f"{SERVICE}/rebuilds/rows.py",
        f"{UNIT}/service/test_rebuilds.py",
        (
            "G5",
            "for pause in (0, *PAUSES):",
            "for pause in (0,):",
            "versions on their way to both generations make a switch look unsafe",
            "test_rows_on_their_way_to_both_generations_are_read_again",
        ),
        (
            "G10",
            "    alone = _alone(view, serving)\n",
            "    alone = serving\n",
            "rows that both generations have are compared and counted twice",
            "test_equal_rows_are_counted_so",
        ),
        (
            "G11",
            "{k: v for k, v in row.items() if v is not None}",
            "dict(row)",
            "an attribute that is null in one generation makes a switch look unsafe",
            "test_an_attribute_that_is_null_is_no_difference",
        ),
    ),
    *_of(
        f"{SERVICE}/repairs/found.py",
        f"{UNIT}/api/test_repairs.py",
        (
            "B1",
            "        self.is_over = not self._time.is_over\n",
            "        self.is_over = True\n",
            "a plan whose time was over says that it has every failure",
            "test_a_plan_whose_time_is_over_at_the_end_of_a_page_is_not_complete",
        ),
        (
            "B9",
            "until = min(filter(None, (self._scope.wanted.until, self._scope.by)))",
            "until = self._scope.wanted.until or self._scope.by",
            "a plan that goes on after another has failures that came after both",
            "test_a_plan_after_another_one_means_what_had_failed_when_the_first_was_made",
        ),
    ),
    *_of(
        f"{SERVICE}/repairs/service.py",
        f"{UNIT}/api/test_repairs.py",
        (
            "B7",
            "room -= 100 + sum(",
            "room -= sum(",
            "a plan of long names is larger than a task takes, and cannot be started",
            "test_a_plan_is_no_larger_than_what_one_task_takes",
        ),
    ),
    *_of(
        f"{SERVICE}/stream.py",
        f"{UNIT}/service/test_stream.py",
        (
            "O2",
            "any(_age(record) < PATIENCE for record in records)",
            "all(_age(record) < PATIENCE for record in records)",
            "a new record's notices are given up with those of an old one",
            "test_notices_of_a_batch_are_not_given_up_while_one_of_its_records_is_new",
        ),
        (
            "O3",
            "                    if not _is_given_up([record], error):\n",
            "                    if _is_given_up([record], error) is not None:\n",
            "a record that is given up holds up those behind it for good",
            "test_then_it_goes_to_the_dead_letters_and_does_not_hold_up_those_behind_it",
        ),
        (
            "O11",
            '    keys = record.get("dynamodb", {}).get("Keys", {})',
            '    keys = record.get("dynamodb", {})',
            "a dead letter keeps the whole item, which may be private",
            "test_then_it_goes_to_the_dead_letters_and_does_not_hold_up_those_behind_it",
        ),
    ),
    *_of(
        f"{SERVICE}/sweep.py",
        f"{UNIT}/service/test_sweep.py",
        (
            "P1",
            (
                "        found, following = table.opened(shard, None, before, kind.per_page)\n"
                "        part.note(kind, found)\n"
                "        if cursor"
            ),
            (
                "        found, following = table.opened(shard, None, before, kind.per_page)\n"
                "        if cursor"
            ),
            "the alarm on age sleeps while a sweep goes on behind the oldest",
            "test_the_age_of_the_oldest_is_a_metric",
        ),
    ),
    *_of(
        f"{SERVICE}/sweep.py",
        f"{UNIT}/schedule/test_sweep_commands.py",
        (
            "P2",
            "iso(now - GRACE)",
            "iso(now)",
            "a sweep restarts what was published a moment ago",
            "test_what_was_opened_lately_is_left_to_its_start",
        ),
        (
            "P3",
            "for group, at in part.items()), reverse=True)",
            "for group, at in part.items()))",
            "the age of a type's newest version is told for that of its oldest",
            "test_the_age_of_the_oldest_open_version_is_a_metric",
        ),
        (
            "P4",
            "until = now + timedelta(milliseconds=remaining_ms() + 1_000)",
            "until = now",
            "two functions sweep at a time",
            "test_nobody_else_sweeps_as_long_as_a_sweep_may_last",
        ),
        (
            "P5",
            "{str(shard): part.cursor for shard, part in parts.items() if part.cursor}",
            "{}",
            "what is behind the first pages of a shard is never swept",
            "test_when_the_time_is_nearly_over_the_next_sweep_goes_on_from_there",
        ),
    ),
    *_of(
        f"{SERVICE}/sweep.py",
        f"{UNIT}/schedule/test_sweep_imports.py",
        (
            "P6",
            "since=lambda job: job.started_at or job.opened_at,",
            "since=lambda job: job.opened_at,",
            "an import that waited for its turn raises an alarm as it begins",
            "test_the_age_of_the_oldest_job_is_a_metric_from_its_beginning_on",
        ),
    ),
    *_of(
        f"{SERVICE}/tenant_items.py",
        f"{UNIT}/service/test_tenants.py",
        (
            "X21",
            'if row["version"] != self.newest:',
            "if False:",
            "an export has an item's versions of before and its row of after",
            "test_an_item_that_changes_after_the_scan_is_exported_as_it_is_then",
        ),
        (
            "X22",
            "return all(Outcome(outcome).is_settled for outcome in outcomes)",
            "return True",
            "an export has a version as open whose row it has",
            "test_a_version_that_is_applied_after_the_scan_is_exported_as_applied",
        ),
        (
            "X23",
            'each.get("erased") == marks.get(each["version"], each.get("erased"))',
            "True",
            "an export has what was erased while it ran, beside what is left of it",
            "test_an_item_that_is_erased_after_the_scan_has_no_line_of_before",
        ),
    ),
    *_of(
        "template.yaml",
        "tests/template/test_policies.py",
        (
            "T1",
            f", states:SendTaskFailure{STREAM_TO_MACHINES}",
            STREAM_TO_MACHINES,
            "a version behind a failed one waits for the sweep",
            "test_who_may_wake_a_version_may_fail_it_as_well",
        ),
        (
            "T2",
            (
                "            - Sid: FailedRows\n"
                "              Effect: Allow\n"
                "              Action: [s3:AbortMultipartUpload, s3:GetObject, s3:PutObject]\n"
            ),
            (
                "            - Sid: FailedRows\n"
                "              Effect: Allow\n"
                "              Action: [s3:GetObject, s3:PutObject]\n"
            ),
            "an upload that is given up leaves its parts, which cost for ever",
            "test_who_writes_reports_may_give_an_upload_up",
        ),
    ),
    *_of(
        "layer/deployment.py",
        "tests/template/test_layer.py",
        (
            "L1",
            'PARTS = ("app", "template.yaml", "samconfig.toml")',
            'PARTS = ("app", "samconfig.toml")',
            "a parameter in a project's template.yaml never reaches what is behind an alias",
            "test_the_frameworks_layer_changes_with_whatever_is_deployed_with_it",
        ),
        (
            "L2",
            "is_inside = application.name == FOLDER",
            "is_inside = False",
            "a project's package and parameters never reach what is behind an alias",
            "test_the_frameworks_layer_changes_with_whatever_is_deployed_with_it",
        ),
    ),
]
