"""The mutants, by what they are in; each is found by tests of `make test`.

A mutant is a fault that somebody could make: a bound off by one, a condition less, two steps in
the other order. Write one for a line that no test would miss, and then the test.
"""

from tests.mutants.mutant import Mutant
from tests.mutants.once import ONCE

DOMAIN = "layer/sfn_cqrs/domain"
ADAPTERS = "layer/sfn_cqrs/adapters"
SERVICE = "layer/sfn_cqrs/service"
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
RECORDS = [
    Mutant(
        "R2",
        f"{ADAPTERS}/records.py",
        "            return self._alive(found)\n",
        "            return self._kind.read(found)\n",
        "a record that has expired is changed and lives again",
        (
            "tests/contract/test_records.py::test_what_has_expired_is_not_written_over_by_who_comes_second",
        ),
    ),
]
EXPRESSIONS = [
    Mutant(
        "DB1",
        f"{DOMAIN}/process.py",
        '    current = is_one("attempt", attempt)',
        '    current = is_one("attempt", attempt, attempt + 1)',
        "an execution of an attempt that was retried writes the status of the next",
        (
            f"{UNIT}/command/test_check_version.py::test_an_execution_that_owns_the_version_no_longer_changes_nothing",
        ),
    ),
    Mutant(
        "DB2",
        f"{DOMAIN}/process.py",
        'current & (Absent("run") | is_one("run", run))',
        "current",
        "two runs of the express lane work on one version at once",
        (
            f"{UNIT}/domain/test_process.py"
            "::test_another_run_than_the_one_that_claimed_it_writes_nothing",
        ),
    ),
    Mutant(
        "DB3",
        f"{DOMAIN}/chain.py",
        "is_attempt(self.attempt) & (IS_REPAIRABLE | IS_WITH_ITS_PUBLISHER)",
        "is_attempt(self.attempt) & IS_REPAIRABLE",
        "a version whose publisher died waits for ever",
        (
            f"{UNIT}/domain/test_process.py"
            "::test_what_failed_or_died_with_its_publisher_may_restart",
        ),
    ),
    Mutant(
        "DB4",
        f"{ADAPTERS}/command_table.py",
        '_NEVER_STORED = "attribute_not_exists(pk)"',
        '_NEVER_STORED = "attribute_not_exists(nobody)"',
        "of two who publish the same version the first is lost",
        (
            f"{UNIT}/service/test_publish.py::TestPartial::test_a_change_that_was_overtaken_merges_into_what_came_between",
        ),
    ),
    Mutant(
        "DB5",
        f"{ADAPTERS}/command_table.py",
        'ConditionExpression="attribute_exists(pk) AND attribute_not_exists(#ttl)"',
        'ConditionExpression="attribute_not_exists(#ttl)"',
        "an item of a ttl alone stands where a version has expired, and lists fail on it",
        (
            f"{UNIT}/command/test_set_ttl_command.py::test_a_command_that_has_gone_is_not_made_again",
        ),
    ),
    Mutant(
        "DB6",
        f"{ADAPTERS}/command_table.py",
        '"attribute_not_exists(pk) OR outcome = :applied"',
        '"attribute_not_exists(pk) OR outcome <> :applied"',
        "a request applies its version while the one before is at work",
        (f"{UNIT}/service/test_publish_sync.py::test_the_state_before_is_kept_in_the_history",),
    ),
    Mutant(
        "DB7",
        f"{ADAPTERS}/read_model.py",
        'OR version < :version"',
        'OR version <> :version"',
        "a late retry puts an older row over a newer one",
        (
            "examples/shop/tests/test_airports.py::test_a_stale_version_does_not_overwrite_a_newer_row",
        ),
    ),
    Mutant(
        "DB8",
        f"{ADAPTERS}/request_table.py",
        '"attribute_not_exists(pk) OR #ttl <= :now"',
        '"attribute_not_exists(pk) OR #ttl > :now"',
        "an Idempotency-Key does not keep a request from being made twice",
        (f"{UNIT}/service/test_publish.py::TestIdempotency::test_after_24_hours_the_key_is_free",),
    ),
    Mutant(
        "DB9",
        f"{ADAPTERS}/import_table.py",
        '"ConditionExpression": "attribute_not_exists(sealed)"',
        '"ConditionExpression": "attribute_not_exists(nobody)"',
        "a batch that comes after the end is counted",
        (
            f"{UNIT}/import_csv/test_csv_rows_handler.py::test_a_batch_that_comes_after_the_job_was_ended_without_it_is_not_counted",
        ),
    ),
    Mutant(
        "DB10",
        f"{ADAPTERS}/open_index.py",
        '"opened_at < :before"',
        '"opened_at > :before"',
        "sweeps repair what has just begun, and nothing that hangs",
        (
            f"{UNIT}/schedule/test_finish_imports.py::test_a_job_whose_execution_died_ends_by_what_was_counted",
        ),
    ),
    Mutant(
        "DB11",
        f"{DOMAIN}/task_programs.py",
        'is_one("attempt", self.attempt) & is_one("seq", self.seq)',
        'is_one("attempt", self.attempt)',
        "a function that outlived its try ends the item of the next",
        (f"{UNIT}/task/test_iterator.py::test_a_function_that_outlives_its_try_records_nothing",),
    ),
    Mutant(
        "DB12",
        f"{DOMAIN}/task_programs.py",
        'AtMost("attempt", self.attempt) & _IS_UNENDED',
        'Below("attempt", self.attempt) & _IS_UNENDED',
        "an item whose function died stays open, and so does its task",
        (
            f"{UNIT}/task/test_finalize_task.py::test_an_item_whose_function_died_at_every_try_fails_with_its_error",
        ),
    ),
    Mutant(
        "DB13",
        f"{ADAPTERS}/data_table.py",
        'FilterExpression="is_deleted = :no"',
        'FilterExpression="is_deleted <> :no"',
        "lists show what is deleted, and nothing else",
        ("tests/contract/test_data_table.py::test_a_deleted_row_is_found_but_not_listed",),
    ),
]
EXPRESS = [
    Mutant(
        "X5",
        f"{DOMAIN}/chain.py",
        "    yield Start(process.version, process.attempt, is_express=True, trace=process.trace)\n",
        "    yield Start(process.version, process.attempt, is_express=True)\n",
        "the trace of a version that the sweep starts ends at its publish",
        (
            f"{UNIT}/domain/test_chain.py::TestSweep::test_what_is_started_again_goes_on_with_its_trace",
        ),
    ),
]
WRITE_RATE = [
    Mutant(
        "W2",
        f"{DOMAIN}/write_rate.py",
        "left = self.tokens if at < self.ends_at else 0",
        "left = self.tokens",
        "a tenant exceeds its rate by the tokens of leases that are long over",
        (f"{UNIT}/domain/test_write_rate.py::test_what_a_lease_had_left_is_lost_with_it",),
    ),
    Mutant(
        "W3",
        f"{ADAPTERS}/write_bucket.py",
        "del self._purses[next(iter(self._purses))]",
        "del self._purses[tenant]",
        "beyond 10,000 tenants each request leases, and a bucket's key gets hot",
        ("tests/contract/test_write_bucket.py::test_the_purse_that_was_used_last_is_kept",),
    ),
    Mutant(
        "W4",
        f"{ADAPTERS}/write_bucket.py",
        "            purse = self._purses.get(tenant, purse)\n",
        "",
        "two threads lease at once, and the tokens of one are lost",
        (
            "tests/contract/test_write_bucket.py"
            "::test_two_threads_that_lease_at_once_keep_the_tokens_of_both",
        ),
    ),
]
IMPORTS = [
    Mutant(
        "I1",
        f"{DOMAIN}/import_budget.py",
        "size=max(taken.size, self.size)",
        "size=self.size",
        "a job whose rows are counted has no bytes: a tenant opens as many as it likes",
        (
            f"{UNIT}/domain/test_import_budget.py::test_a_job_keeps_its_bytes_when_its_rows_are_counted",
        ),
    ),
    Mutant(
        "I2",
        f"{DOMAIN}/import_budget.py",
        "        if larger != taken and self.limits",
        "        if self.limits",
        "once a deploy lowers a limit, an import that is tried again fails",
        (
            f"{UNIT}/domain/test_import_budget.py"
            "::test_what_is_measured_twice_is_taken_even_if_less_would_be_given_today",
        ),
    ),
    Mutant(
        "Z4",
        f"{DOMAIN}/zip_directory.py",
        "        if at + comment == last:\n",
        "        if at + comment <= last:\n",
        "an archive has other files than other tools show",
        (f"{UNIT}/domain/test_zip_corpus.py::test_every_archive_is_read_as_the_corpus_says",),
    ),
    Mutant(
        "Q2",
        f"{SERVICE}/imports/queue.py",
        "    if queue.waiting:\n        begin_waiting()\n",
        "",
        "an import that waits begins a minute after its place is free",
        (
            f"{UNIT}/imports/test_queue.py"
            "::test_what_is_above_the_places_of_a_tenant_stays_created_and_begins_oldest_first",
        ),
    ),
    Mutant(
        "Q3",
        f"{DOMAIN}/import_queue.py",
        "waiting = (queue.waiting - self.seen) | self.left",
        "waiting = frozenset(self.left)",
        "a tenant that comes while others are looked at is forgotten",
        (
            f"{UNIT}/domain/test_import_queue.py"
            "::test_a_tenant_that_came_while_all_were_looked_at_goes_on_waiting",
        ),
    ),
    Mutant(
        "Q4",
        f"{SERVICE}/imports/queue.py",
        "if len(queue.running) >= places.all or number == LOOKED_AT:",
        "if len(queue.running) >= places.all:",
        "a tenant behind a thousand that wait is forgotten",
        (
            f"{UNIT}/imports/test_queue.py"
            "::test_a_tenant_behind_those_that_are_looked_at_goes_on_waiting",
        ),
    ),
    Mutant(
        "N1",
        f"{ADAPTERS}/import_table.py",
        "return _as_marker(refused).counts",
        "return marker.counts",
        "a batch that comes twice answers counts that nobody has counted",
        ("tests/contract/test_import_table.py::test_a_batch_is_counted_once",),
    ),
    Mutant(
        "N2",
        f"{ADAPTERS}/import_table.py",
        "for shard in range(SHARDS)\n",
        "for shard in range(SHARDS - 1)\n",
        "a batch that comes after the end is counted, and the counts exceed the rows",
        (
            "tests/contract/test_import_table.py"
            "::test_no_batch_of_any_counter_is_counted_after_the_seal",
        ),
    ),
    Mutant(
        "N4",
        f"{SERVICE}/imports/rows.py",
        "Marker(self._first, self._rows[-1].number,",
        "Marker(self._first, self._first + len(self._rows) - 1,",
        "a report leaves out failed rows of a file with blank lines",
        (
            f"{UNIT}/imports/test_row_batch.py"
            "::test_a_batch_is_marked_by_its_first_and_its_last_row_whatever_lies_between",
        ),
    ),
    Mutant(
        "N6",
        f"{DOMAIN}/imports.py",
        "return iso(datetime.fromisoformat(since) - CLOCK_SKEW) if since",
        "return iso(datetime.fromisoformat(since)) if since",
        "a row is written over by an earlier one of its file where clocks differ",
        (
            f"{UNIT}/domain/test_imports.py"
            "::test_a_version_that_may_be_younger_than_the_job_may_hide_one_of_its_own",
        ),
    ),
]
REPAIRS = [
    Mutant(
        "B1",
        f"{SERVICE}/repairs/found.py",
        "        self.is_over = not self._time.is_over\n",
        "        self.is_over = True\n",
        "a plan whose time was over says that it has every failure",
        (
            f"{UNIT}/api/test_repairs.py::test_a_plan_whose_time_is_over_at_the_end_of_a_page_is_not_complete",
        ),
    ),
    Mutant(
        "B7",
        f"{SERVICE}/repairs/service.py",
        "room -= 100 + sum(",
        "room -= sum(",
        "a plan of long names is larger than a task takes, and cannot be started",
        (f"{UNIT}/api/test_repairs.py::test_a_plan_is_no_larger_than_what_one_task_takes",),
    ),
    Mutant(
        "B9",
        f"{SERVICE}/repairs/found.py",
        "until = min(filter(None, (self._scope.wanted.until, self._scope.by)))",
        "until = self._scope.wanted.until or self._scope.by",
        "a plan that goes on after another has failures that came after both",
        (
            f"{UNIT}/api/test_repairs.py"
            "::test_a_plan_after_another_one_means_what_had_failed_when_the_first_was_made",
        ),
    ),
]
REBUILDS = [
    Mutant(
        "G1",
        f"{DOMAIN}/read_models.py",
        "if view.stage in (Stage.READY, Stage.SWITCHED) and at",
        "if view.stage is Stage.SWITCHED and at",
        "a drop after a rollback deletes rows that functions still read",
        (
            f"{UNIT}/service/test_rebuilds.py"
            "::test_what_was_rolled_back_is_dropped_once_nobody_can_read_it",
        ),
    ),
    Mutant(
        "G2",
        f"{SERVICE}/rebuilds/replay.py",
        "seen = last.version if last.key == row.key else 0",
        "seen = last.version",
        "a rebuild of every version leaves out the first versions of an item",
        (
            f"{UNIT}/rebuild/test_work_on_segment.py"
            "::test_a_page_that_ends_between_two_items_of_a_bucket_leaves_nothing_out",
        ),
    ),
    Mutant(
        "G4",
        f"{ADAPTERS}/generation_rows.py",
        'asked = answer.get("UnprocessedItems", {}).get(self._table)',
        "asked = None",
        "rows of a generation that was dropped stay for ever",
        (
            "tests/contract/test_busy_tables.py"
            "::test_rows_that_are_left_unprocessed_are_deleted_by_another_call",
        ),
    ),
    Mutant(
        "G5",
        f"{SERVICE}/rebuilds/rows.py",
        "for pause in (0, *PAUSES):",
        "for pause in (0,):",
        "versions on their way to both generations make a switch look unsafe",
        (
            f"{UNIT}/service/test_rebuilds.py"
            "::test_rows_on_their_way_to_both_generations_are_read_again",
        ),
    ),
    Mutant(
        "G6",
        f"{DOMAIN}/rebuild_programs.py",
        " or _is_redone(view, segment):",
        ":",
        "items that failed are never replayed again",
        (
            f"{UNIT}/service/test_rebuilds.py"
            "::test_what_failed_is_replayed_again_by_who_resumes_and_told_no_more",
        ),
    ),
    Mutant(
        "G7",
        f"{DOMAIN}/read_models.py",
        "segment = replace(segment, cursor=None, is_done=False, counts=Counts())",
        "segment = replace(segment, cursor=None, is_done=False)",
        "items count twice once a rebuild is resumed",
        (
            f"{UNIT}/domain/test_read_models.py"
            "::test_an_attempt_that_does_what_failed_again_begins_the_count_anew",
        ),
    ),
    Mutant(
        "G9",
        f"{SERVICE}/rebuilds/replay.py",
        "seen = version if row.key.code == code else 0",
        "seen = version",
        "a rebuild of every version leaves out the first versions of each later item of a page",
        (f"{UNIT}/rebuild/test_work_on_segment.py::test_a_page_of_every_version_is_bounded",),
    ),
    Mutant(
        "G10",
        f"{SERVICE}/rebuilds/rows.py",
        "    alone = _alone(view, serving)\n",
        "    alone = serving\n",
        "rows that both generations have are compared and counted twice",
        (f"{UNIT}/service/test_rebuilds.py::test_equal_rows_are_counted_so",),
    ),
    Mutant(
        "G11",
        f"{SERVICE}/rebuilds/rows.py",
        "{k: v for k, v in row.items() if v is not None}",
        "dict(row)",
        "an attribute that is null in one generation makes a switch look unsafe",
        (f"{UNIT}/service/test_rebuilds.py::test_an_attribute_that_is_null_is_no_difference",),
    ),
    Mutant(
        "G13",
        f"{ADAPTERS}/generations.py",
        "not timedelta() <= now - read_at < self._known_for",
        "now - read_at >= self._known_for",
        "a function whose clock has gone back reads a generation that is dropped",
        (
            "tests/contract/test_generations.py"
            "::test_what_serves_is_read_again_where_a_clock_has_gone_back",
        ),
    ),
    Mutant(
        "G14",
        f"{ADAPTERS}/generations.py",
        "writing is not None and writing.tenant == tenant and view",
        "writing is not None and view",
        "a handler that writes for another tenant writes a generation that it has not",
        (
            "tests/contract/test_generations.py"
            "::test_what_is_told_of_one_tenant_is_not_told_of_another",
        ),
    ),
    Mutant(
        "G15",
        f"{DOMAIN}/read_models.py",
        '"replayed": self.counts, "round": view.round + 1}',
        '"replayed": self.counts}',
        "a resumed rebuild is not compared again, and its old problems stay",
        (
            f"{UNIT}/service/test_rebuilds.py"
            "::test_what_failed_is_replayed_again_by_who_resumes_and_told_no_more",
        ),
    ),
    Mutant(
        "G16",
        f"{DOMAIN}/read_models.py",
        "stage=Stage.COMPARING, attempt=view.attempt + 1, round=view.round + 1)",
        "stage=Stage.COMPARING, attempt=view.attempt + 1)",
        "a comparison that is asked for again compares nothing",
        (
            f"{UNIT}/service/test_rebuilds.py"
            "::test_rows_on_their_way_to_both_generations_are_read_again",
        ),
    ),
    Mutant(
        "G17",
        f"{DOMAIN}/read_models.py",
        "            latest=view.latest + 1,\n",
        "            latest=view.latest,\n",
        "a new generation has rows of a dropped one that are not deleted yet",
        (f"{UNIT}/service/test_rebuilds.py::test_the_number_of_a_generation_is_never_used_again",),
    ),
    Mutant(
        "G18",
        f"{DOMAIN}/read_models.py",
        "if segment.is_done or (segment.attempt, segment.cursor) != (self.attempt, self.before):",
        "if segment.is_done or segment.attempt != self.attempt:",
        "two functions at one segment count its pages twice, and leave pages out",
        (
            f"{UNIT}/domain/test_read_models.py"
            "::test_a_page_is_counted_once_by_the_attempt_that_read_it",
        ),
    ),
    Mutant(
        "G19",
        f"{SERVICE}/rebuilds/replay.py",
        "skipped = writing.refused if is_row_each else 0",
        "skipped = writing.refused",
        "a bulk handler that writes several rows makes counts negative",
        (
            f"{UNIT}/service/test_rebuilds.py"
            "::test_rows_that_a_bulk_handler_writes_beside_others_are_not_taken_for_items",
        ),
    ),
]
POSTGRESQL = [
    Mutant(
        "S2",
        f"{ADAPTERS}/sql.py",
        "for key in sorted(newest))",
        "for key in newest)",
        "batches of the same rows deadlock",
        (
            "tests/contract/test_sql_statements.py"
            "::test_rows_are_sent_in_the_order_of_their_keys_so_that_no_two_writers_deadlock",
        ),
    ),
    Mutant(
        "S3",
        f"{ADAPTERS}/sql_driver.py",
        '_BROKEN: Final = ("08", "25006", "57P")',
        '_BROKEN: Final = ("08", "57P")',
        "after a failover a warm function writes to the reader until it ends",
        (
            "tests/contract/test_sql.py::TestDriver"
            "::test_a_server_that_only_reads_is_left_for_another",
        ),
    ),
    Mutant(
        "S8",
        f"{ADAPTERS}/sql_driver.py",
        'else "verify-full")',
        'else "require")',
        "whoever stands between a function and its database reads along",
        ("tests/security/test_sql_tls.py",),
    ),
    Mutant(
        "S9",
        f"{ADAPTERS}/sql.py",
        "return again(partial(self._run, statement, checked(parameters)), RolledBackError)",
        "return again(partial(self._run, statement, checked(parameters)), BusyError)",
        "a statement whose answer is lost is made twice",
        (
            "tests/contract/test_sql.py"
            "::TestDriver::test_a_connection_that_is_lost_is_transient_and_the_next_is_new",
        ),
    ),
    Mutant(
        "S13",
        f"{ADAPTERS}/sql_data_api.py",
        "                with _telling():\n"
        "                    self._client.rollback_transaction(transactionId=id_, **self._where)\n"
        "                raise\n",
        "                raise\n",
        "a handler that raises holds its locks for three minutes",
        ("tests/contract/test_sql.py::test_a_transaction_whose_block_raises_is_not_left_open",),
    ),
    Mutant(
        "S14",
        f"{ADAPTERS}/sql_driver.py",
        "                with _telling():\n"
        '                    connection.run("ROLLBACK")\n'
        "                raise\n",
        "                raise\n",
        "the next statements of a warm function belong to a transaction that never ends",
        ("tests/contract/test_sql.py::test_a_transaction_whose_block_raises_has_done_nothing",),
    ),
    Mutant(
        "S16",
        f"{ADAPTERS}/sql.py",
        '_BUSY: Final = ("08", "53", *_ROLLED_BACK',
        '_BUSY: Final = ("08", *_ROLLED_BACK',
        "versions fail for good where PostgreSQL has no connection left for a moment",
        (
            "tests/contract/test_sql_statements.py"
            "::test_a_state_that_passes_is_busy_and_any_other_is_refused",
        ),
    ),
    Mutant(
        "S18",
        f"{ADAPTERS}/sql.py",
        "count_writes(put, len(texts) - put)",
        "count_writes(put, 0)",
        "a rebuild in PostgreSQL never says that items were skipped",
        (
            "tests/contract/test_sql_statements.py"
            "::test_rows_that_are_put_and_those_that_are_not_are_counted_for_a_rebuild",
        ),
    ),
    Mutant(
        "S22",
        f"{ADAPTERS}/sql_data_api.py",
        '    "TransactionNotFoundException",  # it was idle for too long\n',
        "",
        "a version fails for good because a transaction was idle for too long",
        ("tests/contract/test_sql.py::TestDataApi::test_a_cluster_that_wakes_up_is_transient",),
    ),
    Mutant(
        "S25",
        f"{ADAPTERS}/sql_rows.py",
        "rows[-1].place if len(rows) == PAGE_SIZE else None",
        "None",
        "a rebuild compares and drops the first 200 rows only",
        ("tests/contract/test_sql_rows.py::test_each_generation_is_read_whole_and_in_pages",),
    ),
]
CLAIMS = [
    Mutant(
        "C2",
        f"{ADAPTERS}/conditional.py",
        "if isinstance(condition, Either) else text",
        "if isinstance(condition, Both) else text",
        "an `or` beside an `and` is read the other way",
        ("tests/contract/test_process_equivalence.py::test_the_expression_is_the_domains_rule",),
    ),
    Mutant(
        "C3",
        f"{DOMAIN}/chain.py",
        "is_attempt(self.attempt, self.run) & IS_IN_THE_EXPRESS_LANE",
        "is_attempt(self.attempt) & IS_IN_THE_EXPRESS_LANE",
        "a run without the claim hands a version over, which two machines then run",
        (
            "tests/unit/domain/test_process.py::test_another_run_than_the_one_that_claimed_it_writes_nothing",
        ),
    ),
    Mutant(
        "C4",
        f"{DOMAIN}/chain.py",
        "        return is_owned_by(self.attempt, self.run)\n",
        "        return is_owned_by(self.attempt)\n",
        "a second run of the express machine closes the version of the first",
        (
            "tests/unit/domain/test_process.py::test_another_run_than_the_one_that_claimed_it_writes_nothing",
        ),
    ),
    Mutant(
        "C5",
        f"{DOMAIN}/chain.py",
        '        return is_owned_by(self.attempt) & is_one("run", self.run)\n',
        "        return is_owned_by(self.attempt)\n",
        "a version is begun anew though its run goes on",
        (
            "tests/unit/domain/test_process.py::test_another_run_than_the_one_that_claimed_it_writes_nothing",
        ),
    ),
    Mutant(
        "C6",
        f"{DOMAIN}/chain.py",
        '        """Whether the sweep counts from now: yes."""\n        return True\n',
        '        """Whether the sweep counts from now: yes."""\n        return False\n',
        "a retried version counts as old as its failure, and raises an alarm",
        ("tests/contract/test_process_table.py::test_a_restart_opens_the_next_attempt_once",),
    ),
    Mutant(
        "C7",
        f"{DOMAIN}/chain.py",
        "        return self.outcome is Outcome.FAILED\n",
        "        return False\n",
        "repairs list failures by when they were published, and `since` leaves some out",
        (
            "tests/contract/test_process_table.py"
            "::test_what_has_failed_is_listed_by_the_moment_when_it_failed",
        ),
    ),
    Mutant(
        "C9",
        f"{ADAPTERS}/conditional.py",
        'f"attribute_not_exists({self.name(condition.field)})"',
        'f"attribute_exists({self.name(condition.field)})"',
        "what nobody has claimed is refused to everybody",
        ("tests/contract/test_process_equivalence.py::test_the_expression_is_the_domains_rule",),
    ),
]
SAGAS = [
    Mutant(
        "U1",
        f"{DOMAIN}/saga_programs.py",
        "    if move.step not in saga.log:\n        return None\n",
        "    if not _is_done(saga, move.step):\n        return None\n",
        "a step whose end nobody recorded is not undone",
        (
            "examples/shop/tests/order_saga/test_release_stock.py"
            "::test_only_the_goods_that_were_taken_are_put_back",
        ),
    ),
    Mutant(
        "U2",
        f"{DOMAIN}/saga_programs.py",
        "if move.step in saga.log and not _is_done(saga, move.compensation)",
        "if _is_done(saga, move.step) and not _is_done(saga, move.compensation)",
        "a saga ends as COMPENSATED though a step that may have happened is not undone",
        (
            f"{UNIT}/domain/test_saga_programs.py"
            "::test_whatever_had_begun_is_left_to_be_undone_the_last_first",
        ),
    ),
    Mutant(
        "U4",
        f"{DOMAIN}/saga_programs.py",
        "    if entry is not None and entry.error is not None:\n"
        '        return entry.error, entry.cause or ""\n',
        "",
        "a saga does not say why its step failed",
        (
            "examples/shop/tests/order_saga/test_release_stock.py"
            "::test_what_the_step_recorded_says_more_than_what_the_machine_caught",
        ),
    ),
    Mutant(
        "U5",
        f"{DOMAIN}/saga_programs.py",
        "is_undoing = saga.is_undoing or _failed(saga, moves) is not None",
        "is_undoing = _failed(saga, moves) is not None",
        "a retried saga goes forward though it had turned back",
        (
            "examples/shop/tests/order_saga/test_resume.py::test_a_later_attempt_goes_on_where_the_log_says",
        ),
    ),
    Mutant(
        "U6",
        f"{DOMAIN}/saga_programs.py",
        "saga.restarts < MAX_RESTARTS:",
        "saga.restarts <= MAX_RESTARTS:",
        "a saga whose executions die is restarted once more than the docs say",
        (
            f"{UNIT}/schedule/test_sweep_sagas.py"
            "::test_a_saga_whose_fourth_execution_died_is_parked",
        ),
    ),
    Mutant(
        "U7",
        f"{DOMAIN}/saga.py",
        "return _next_attempt(saga, at, restarts=0)",
        "return _next_attempt(saga, at, restarts=saga.restarts)",
        "a retried saga is parked at the first execution that dies",
        (f"{UNIT}/domain/test_saga.py::test_a_parked_saga_is_retried_as_its_next_attempt",),
    ),
    Mutant(
        "U9",
        f"{DOMAIN}/saga_programs.py",
        "if entry.status is EntryStatus.DONE:\n"
        "        return entry\n"
        "    if (entry.status, entry.attempt, entry.seq) != (EntryStatus.STARTED",
        "if entry.status is not EntryStatus.STARTED:\n"
        "        return entry\n"
        "    if (entry.status, entry.attempt, entry.seq) != (EntryStatus.STARTED",
        "a late try answers for a later one whose compensation has failed",
        (
            f"{UNIT}/domain/test_saga_programs.py"
            "::test_a_late_try_does_not_answer_for_a_later_one_whose_compensation_has_failed",
        ),
    ),
    Mutant(
        "U10",
        f"{DOMAIN}/saga_programs.py",
        "        for move in reversed(moves)\n",
        "        for move in moves\n",
        "steps are undone in the order in which they were made",
        (
            f"{UNIT}/domain/test_saga_programs.py"
            "::test_whatever_had_begun_is_left_to_be_undone_the_last_first",
        ),
    ),
]
SWEEPS = [
    Mutant(
        "P1",
        f"{SERVICE}/sweep.py",
        "        found, following = table.opened(shard, None, before, kind.per_page)\n"
        "        part.note(kind, found)\n"
        "        if cursor",
        "        found, following = table.opened(shard, None, before, kind.per_page)\n"
        "        if cursor",
        "the alarm on age sleeps while a sweep goes on behind the oldest",
        (f"{UNIT}/schedule/test_sweep_approvals.py::test_how_late_the_latest_is_is_a_metric",),
    ),
    Mutant(
        "P2",
        f"{SERVICE}/sweep.py",
        "iso(now - GRACE)",
        "iso(now)",
        "a sweep restarts what was published a moment ago",
        (
            f"{UNIT}/schedule/test_sweep_commands.py"
            "::test_what_was_opened_lately_is_left_to_its_start",
        ),
    ),
    Mutant(
        "P3",
        f"{SERVICE}/sweep.py",
        "for group, at in part.items()), reverse=True)",
        "for group, at in part.items()))",
        "the age of a type's newest version is told for that of its oldest",
        (
            f"{UNIT}/schedule/test_sweep_commands.py"
            "::test_the_age_of_the_oldest_open_version_is_a_metric",
        ),
    ),
    Mutant(
        "P4",
        f"{SERVICE}/sweep.py",
        "until = now + timedelta(milliseconds=remaining_ms() + 1_000)",
        "until = now",
        "two functions sweep at a time",
        (
            f"{UNIT}/schedule/test_sweep_commands.py"
            "::test_nobody_else_sweeps_as_long_as_a_sweep_may_last",
        ),
    ),
    Mutant(
        "P5",
        f"{SERVICE}/sweep.py",
        "{str(shard): part.cursor for shard, part in parts.items() if part.cursor}",
        "{}",
        "what is behind the first pages of a shard is never swept",
        (
            f"{UNIT}/schedule/test_sweep_commands.py"
            "::test_when_the_time_is_nearly_over_the_next_sweep_goes_on_from_there",
        ),
    ),
    Mutant(
        "P6",
        f"{SERVICE}/sweep.py",
        "since=lambda job: job.started_at or job.opened_at,",
        "since=lambda job: job.opened_at,",
        "an import that waited for its turn raises an alarm as it begins",
        (
            f"{UNIT}/schedule/test_sweep_imports.py"
            "::test_the_age_of_the_oldest_job_is_a_metric_from_its_beginning_on",
        ),
    ),
    Mutant(
        "P7",
        f"{ADAPTERS}/open_index.py",
        '            ConditionExpression="lease_owner = :me",\n',
        '            ConditionExpression="attribute_exists(pk)",\n',
        "a sweep that was overtaken writes over the place of the next",
        ("tests/contract/test_records.py::test_the_sweeps_place_is_kept",),
    ),
]
READS = [
    Mutant(
        "Y2",
        f"{SERVICE}/commands/waiting.py",
        "on_its_way = {Outcome.OPEN, Outcome.WAITING, Outcome.APPLIED}",
        "on_its_way = {Outcome.OPEN, Outcome.WAITING}",
        "a read that meets its version being applied is told that it never will be",
        (
            f"{UNIT}/api/test_waiting.py"
            "::TestPython::test_a_version_that_is_applied_between_two_reads_is_looked_at_again",
        ),
    ),
    Mutant(
        "Y6",
        f"{SERVICE}/commands/waiting.py",
        "yield min(pause, seconds)",
        "yield pause",
        "a request waits longer than its client asked for",
        (
            f"{UNIT}/api/test_waiting.py"
            "::TestVersion::test_one_that_stays_open_is_accepted_and_asked_for_again",
        ),
    ),
    Mutant(
        "Y7",
        f"{SERVICE}/commands/waiting.py",
        "while seconds > 0 and bootstrap.now() <= until:",
        "while seconds > 0:",
        "a request whose reads are slow outlives its function",
        (f"{UNIT}/api/test_waiting.py::TestPython::test_what_looks_take_is_part_of_the_wait",),
    ),
]
NOTICES = [
    Mutant(
        "O1",
        f"{DOMAIN}/notices.py",
        '"errorMessage": message[:MAX_MESSAGE]',
        '"errorMessage": message',
        "an alarm with a long cause is larger than a message may be",
        (
            f"{UNIT}/domain/test_notices.py"
            "::test_an_alarms_message_is_short_and_there_is_one_without_a_cause",
        ),
    ),
    Mutant(
        "O2",
        f"{SERVICE}/stream.py",
        "any(_age(record) < PATIENCE for record in records)",
        "all(_age(record) < PATIENCE for record in records)",
        "a new record's notices are given up with those of an old one",
        (
            f"{UNIT}/service/test_stream.py"
            "::test_notices_of_a_batch_are_not_given_up_while_one_of_its_records_is_new",
        ),
    ),
    Mutant(
        "O3",
        f"{SERVICE}/stream.py",
        "                    if not _is_given_up([record], error):\n",
        "                    if _is_given_up([record], error) is not None:\n",
        "a record that is given up holds up those behind it for good",
        (
            f"{UNIT}/service/test_stream.py"
            "::test_then_it_goes_to_the_dead_letters_and_does_not_hold_up_those_behind_it",
        ),
    ),
    Mutant(
        "O4",
        f"{ADAPTERS}/topics.py",
        "            if failed:\n",
        "            if len(failed) == len(entries):\n",
        "notices that SNS did not take are lost",
        (
            "tests/contract/test_topics.py"
            "::test_a_message_that_was_not_taken_is_an_error_that_may_pass_and_ends_the_calls",
        ),
    ),
    Mutant(
        "O5",
        f"{ADAPTERS}/topics.py",
        '"MessageGroupId": message["tenantCode"],',
        '"MessageGroupId": "all",',
        "one tenant's messages hold up those of all others",
        (
            "tests/contract/test_topics.py"
            "::test_a_queue_is_told_whose_a_message_is_so_that_it_is_fair_to_tenants",
        ),
    ),
    Mutant(
        "O9",
        f"{DOMAIN}/notices.py",
        '"cancelled": counts.cancelled if counts else 0,',
        '"cancelled": 0,',
        "the notice of a task says that no item was cancelled",
        (f"{UNIT}/domain/test_notices.py::test_a_notice_tells_how_the_items_of_a_task_have_ended",),
    ),
    Mutant(
        "O11",
        f"{SERVICE}/stream.py",
        '    keys = record.get("dynamodb", {}).get("Keys", {})',
        '    keys = record.get("dynamodb", {})',
        "a dead letter keeps the whole item, which may be private",
        (
            f"{UNIT}/service/test_stream.py"
            "::test_then_it_goes_to_the_dead_letters_and_does_not_hold_up_those_behind_it",
        ),
    ),
]
WAITS = [
    Mutant(
        "K2",
        f"{ADAPTERS}/wait_table.py",
        "OR since <= :since",
        "OR since < :since",
        "a function that runs twice loses its own token, and the execution hangs",
        ("tests/contract/test_wait_table.py::test_a_function_that_runs_twice_keeps_its_token",),
    ),
]
LISTS_AND_TEXTS = [
    Mutant(
        "V3",
        f"{ADAPTERS}/live_events.py",
        "        if failed:\n",
        "        if len(failed) == len(texts):\n",
        "events that AppSync did not take are lost",
        ("tests/local/test_live.py::test_what_is_not_taken_is_no_success",),
    ),
    Mutant(
        "D4",
        f"{ADAPTERS}/paging.py",
        "_ITEM_BYTES = 2_048",
        "_ITEM_BYTES = 0",
        "a full page of small items is more than Lambda answers",
        (
            "tests/security/test_lists.py"
            "::test_a_page_has_room_for_what_an_answer_adds_to_each_item",
        ),
    ),
    Mutant(
        "M2",
        f"{DOMAIN}/masking.py",
        "(?:[ -]?[A-Z0-9]{4}){2,7}",
        "(?:[ -]?[A-Z0-9]{4}){3,7}",
        "Norwegian IBANs stay in logs",
        ("tests/security/test_secrets.py",),
    ),
]
TEMPLATE = [
    Mutant(
        "T1",
        "template.yaml",
        f", states:SendTaskFailure{STREAM_TO_MACHINES}",
        STREAM_TO_MACHINES,
        "a version behind a failed one waits for the sweep",
        ("tests/template/test_policies.py::test_who_may_wake_a_version_may_fail_it_as_well",),
    ),
    Mutant(
        "T2",
        "template.yaml",
        "            - Sid: FailedRows\n"
        "              Effect: Allow\n"
        "              Action: [s3:AbortMultipartUpload, s3:GetObject, s3:PutObject]\n",
        "            - Sid: FailedRows\n"
        "              Effect: Allow\n"
        "              Action: [s3:GetObject, s3:PutObject]\n",
        "an upload that is given up leaves its parts, which cost for ever",
        ("tests/template/test_policies.py::test_who_writes_reports_may_give_an_upload_up",),
    ),
]
OF_THE_ENGINE = [
    Mutant(
        "E2",
        f"{ENGINE}/dataflow/recovery.py",
        """\
            delay = min(delay, self.longest_delay)
        return delay * random if self.full_jitter else delay
""",
        """\
            delay = min(delay * random if self.full_jitter else delay, self.longest_delay)
        return delay
""",
        "pauses of retries are longer here than on AWS",
        ("engine/tests/test_recovery.py::test_full_jitter_is_a_part_of_the_longest_delay",),
    ),
    Mutant(
        "E4",
        f"{ENGINE}/distributed/children.py",
        'if child.status != "SUCCEEDED" and self._run.tolerance.percentage != ALL:',
        'if child.status != "SUCCEEDED":',
        "a redrive does again what AWS leaves alone",
        (
            "engine/tests/test_redrive.py"
            "::test_a_map_run_that_tolerates_all_failures_does_not_repeat_them",
        ),
    ),
    Mutant(
        "E8",
        f"{ENGINE}/executions/counts.py",
        "return self.failed + self.timed_out",
        "return self.failed",
        "a Map Run whose children time out succeeds here and fails on AWS",
        (
            "engine/tests/test_distributed_map.py"
            "::test_children_that_time_out_count_against_the_tolerance",
        ),
    ),
    Mutant(
        "E12",
        f"{ENGINE}/executions/counts.py",
        "if self.percentage is None or (total is None and self.percentage > 0):",
        "if self.percentage is None or total is None:",
        "a Map Run that tolerates nothing goes on until all items are read",
        (
            "engine/tests/test_map_run_limits.py"
            "::test_a_share_is_judged_once_all_items_are_read_and_nothing_at_once",
        ),
    ),
    Mutant(
        "E13",
        f"{ENGINE}/executions/map_run.py",
        "return min(self.most_at_once or MOST_AT_ONCE, MOST_AT_ONCE)",
        "return self.most_at_once or MOST_AT_ONCE",
        "more children run at a time here than on AWS",
        ("engine/tests/test_map_run_limits.py::test_ten_thousand_children_run_at_a_time_at_most",),
    ),
    Mutant(
        "E15",
        f"{ENGINE}/registry/redrives.py",
        "deque(maxlen=MOST_TOKENS)",
        "deque()",
        "tokens of redrives are remembered without end",
        (
            "engine/tests/test_redrive_tokens.py"
            "::test_the_last_ten_tokens_of_an_execution_are_known",
        ),
    ),
]
MUTANTS = [
    *EXPRESSIONS,
    *RECORDS,
    *EXPRESS,
    *WRITE_RATE,
    *IMPORTS,
    *REPAIRS,
    *REBUILDS,
    *POSTGRESQL,
    *CLAIMS,
    *SAGAS,
    *SWEEPS,
    *READS,
    *NOTICES,
    *WAITS,
    *LISTS_AND_TEXTS,
    *TEMPLATE,
    *OF_THE_ENGINE,
    *ONCE,
]
