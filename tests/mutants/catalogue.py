"""The mutants, by the tests that find them, all of `make test`.

A mutant is a fault that somebody could make: a bound off by one, a condition less, two steps in
the other order. Write one for a line that no test would miss, and then the test. A rule that is
asserted once has one that the test at its lowest level finds.
"""

from tests.mutants.mutant import change, change_text, drop, found_in, reword, unlist

MUTANTS = [
    *found_in(
        "engine/tests/test_distributed_map.py",
        drop("Counts.unsuccessful", "self.timed_out")
        .breaks("E8", "a Map Run whose children time out succeeds here and fails on AWS")
        .by("test_children_that_time_out_count_against_the_tolerance"),
    ),
    *found_in(
        "engine/tests/test_map_run_limits.py",
        drop("Tolerance.is_exceeded", "self.percentage > 0")
        .breaks("E12", "a Map Run that tolerates nothing goes on until all items are read")
        .by("test_a_share_is_judged_once_all_items_are_read_and_nothing_at_once"),
        change(
            "MapRun.places",
            "min(self.most_at_once or MOST_AT_ONCE, MOST_AT_ONCE)",
            "self.most_at_once or MOST_AT_ONCE",
        )
        .breaks("E13", "more children run at a time here than on AWS")
        .by("test_ten_thousand_children_run_at_a_time_at_most"),
    ),
    *found_in(
        "engine/tests/test_recovery.py",
        change(
            "Retrier.delay",
            "if self.longest_delay is not None: delay = min(delay, self.longest_delay)\n"
            "return delay * random if self.full_jitter else delay",
            "if self.longest_delay is not None:\n"
            "    delay = min(delay * random if self.full_jitter else delay, self.longest_delay)\n"
            "return delay",
        )
        .breaks("E2", "pauses of retries are longer here than on AWS")
        .by("test_full_jitter_is_a_part_of_the_longest_delay"),
    ),
    *found_in(
        "engine/tests/test_redrive.py",
        drop("Children._count", "self._run.tolerance.percentage != ALL")
        .breaks("E4", "a redrive does again what AWS leaves alone")
        .by("test_a_map_run_that_tolerates_all_failures_does_not_repeat_them"),
    ),
    *found_in(
        "engine/tests/test_redrive_tokens.py",
        drop("Redrives.keep", "MOST_TOKENS")
        .breaks("E15", "tokens of redrives are remembered without end")
        .by("test_the_last_ten_tokens_of_an_execution_are_known"),
    ),
    *found_in(
        "examples/shop/tests/order_saga/test_release_stock.py",
        change("undo", "move.step not in saga.log", "not _is_done(saga, move.step)")
        .breaks("U1", "a step whose end nobody recorded is not undone")
        .by("test_only_the_goods_that_were_taken_are_put_back"),
        drop("_reason", "if entry is not None and entry.error is not None: ...")
        .breaks("U4", "a saga does not say why its step failed")
        .by("test_what_the_step_recorded_says_more_than_what_the_machine_caught"),
    ),
    *found_in(
        "examples/shop/tests/order_saga/test_resume.py",
        change("_open", "saga.is_undoing or failed is not None", "failed is not None")
        .breaks("U5", "a retried saga goes forward though it had turned back")
        .by("test_a_later_attempt_goes_on_where_the_log_says"),
    ),
    *found_in(
        "examples/shop/tests/test_airports.py",
        change(
            "ReadModel._put_if_newer",
            "'attribute_not_exists(pk) OR version < :version'",
            "'attribute_not_exists(pk) OR version <> :version'",
        )
        .breaks("DB7", "a late retry puts an older row over a newer one")
        .by("test_a_stale_version_does_not_overwrite_a_newer_row"),
    ),
    *found_in(
        "tests/contract/test_busy_tables.py",
        change(
            "GenerationRows._delete", "answer.get('UnprocessedItems', {}).get(self._table)", "None"
        )
        .breaks("G4", "rows of a generation that was dropped stay for ever")
        .by("test_rows_that_are_left_unprocessed_are_deleted_by_another_call"),
    ),
    *found_in(
        "tests/contract/test_command_table.py",
        drop("Range.start_sk", "not sk.startswith(self.prefix)")
        .breaks("H55", "a cursor of one list opens another")
        .by("test_a_cursor_of_another_list_is_refused"),
    ),
    *found_in(
        "tests/contract/test_data_table.py",
        change("DataTable.page", "'is_deleted = :no'", "'is_deleted <> :no'")
        .breaks("DB13", "lists show what is deleted, and nothing else")
        .by("test_a_deleted_row_is_found_but_not_listed"),
    ),
    *found_in(
        "tests/contract/test_generations.py",
        change(
            "Generations.known",
            "not timedelta() <= now - read_at < self._known_for",
            "now - read_at >= self._known_for",
        )
        .breaks("G13", "a function whose clock has gone back reads a generation that is dropped")
        .by("test_what_serves_is_read_again_where_a_clock_has_gone_back"),
        drop("Generations.of", "writing.tenant == tenant")
        .breaks(
            "G14", "a handler that writes for another tenant writes a generation that it has not"
        )
        .by("test_what_is_told_of_one_tenant_is_not_told_of_another"),
    ),
    *found_in(
        "tests/contract/test_import_table.py",
        change("ImportTable.count", "_as_marker(refused)", "marker")
        .breaks("N1", "a batch that comes twice answers counts that nobody has counted")
        .by("test_a_batch_is_counted_once"),
        change("ImportTable.seal", "SHARDS", "SHARDS - 1")
        .breaks("N2", "a batch that comes after the end is counted, and the counts exceed the rows")
        .by("test_no_batch_of_any_counter_is_counted_after_the_seal"),
    ),
    *found_in(
        "tests/contract/test_merged_lists.py",
        change("_place", "sk.encode()", "sk.encode('utf-16')")
        .breaks(
            "H57", "merged lists are in another order than DynamoDB's, and pages leave items out"
        )
        .by("test_no_row_is_lost_or_doubled_while_others_come_and_go"),
    ),
    *found_in(
        "tests/contract/test_process_equivalence.py",
        change("_Spelling._inner", "isinstance(condition, Either)", "isinstance(condition, Both)")
        .breaks("C2", "an `or` beside an `and` is read the other way")
        .by("test_the_expression_is_the_domains_rule"),
        change_text("_Spelling._comparison", "attribute_not_exists(", "attribute_exists(")
        .breaks("C9", "what nobody has claimed is refused to everybody")
        .by("test_the_expression_is_the_domains_rule"),
    ),
    *found_in(
        "tests/contract/test_process_table.py",
        change("Restart.is_listed_anew", "True", "False")
        .breaks("C6", "a retried version counts as old as its failure, and raises an alarm")
        .by("test_a_restart_opens_the_next_attempt_once"),
        change("Close.is_listed_anew", "self.outcome is Outcome.FAILED", "False")
        .breaks(
            "C7", "repairs list failures by when they were published, and `since` leaves some out"
        )
        .by("test_what_has_failed_is_listed_by_the_moment_when_it_failed"),
    ),
    *found_in(
        "tests/contract/test_records.py",
        change("SweptTable.end_sweep", "'lease_owner = :me'", "'attribute_exists(pk)'")
        .breaks("P7", "a sweep that was overtaken writes over the place of the next")
        .by("test_the_sweeps_place_is_kept"),
        change("Records._read_again", "self._alive(found)", "self._kind.read(found)")
        .breaks("R2", "a record that has expired is changed and lives again")
        .by("test_what_has_expired_is_not_written_over_by_who_comes_second"),
        change("Records.change", "record is None or rev_of(record) in mine", "record is None")
        .breaks("H50", "a write whose answer was lost is made twice")
        .by("test_a_write_whose_answer_was_lost_is_done_once"),
        change("Records.change", "is_read", "True")
        .breaks("H51", "a record that somebody saw a while ago refuses a write")
        .by("test_what_was_seen_and_is_old_refuses_nothing"),
        drop("Records._read_again", "number == 0")
        .breaks("H52", "of many writers one starves: it goes on from an item of before its pause")
        .by("test_who_comes_second_goes_on_at_once_and_then_after_a_pause_from_what_is_there"),
        change("Kind.stored", "name not in new", "name in known and name not in new")
        .breaks("H53", "what another version of the code has written is lost at the next change")
        .by("test_what_another_version_of_the_code_wrote_is_carried"),
    ),
    *found_in(
        "tests/contract/test_sql.py",
        change("Sql.run", "RolledBackError", "BusyError")
        .breaks("S9", "a statement whose answer is lost is made twice")
        .by("TestDriver::test_a_connection_that_is_lost_is_transient_and_the_next_is_new"),
        drop(
            "DataApiSql.transaction",
            "with _telling(): self._client.rollback_transaction(transactionId=id_, **self._where)",
        )
        .breaks("S13", "a handler that raises holds its locks for three minutes")
        .by("test_a_transaction_whose_block_raises_is_not_left_open"),
        drop("_PASSING", "'TransactionNotFoundException'")
        .breaks("S22", "a version fails for good because a transaction was idle for too long")
        .by("TestDataApi::test_a_cluster_that_wakes_up_is_transient"),
        drop("_BROKEN", "'25006'")
        .breaks("S3", "after a failover a warm function writes to the reader until it ends")
        .by("TestDriver::test_a_server_that_only_reads_is_left_for_another"),
        drop("DriverSql.transaction", "with _telling(): connection.run('ROLLBACK')")
        .breaks(
            "S14", "the next statements of a warm function belong to a transaction that never ends"
        )
        .by("test_a_transaction_whose_block_raises_has_done_nothing"),
    ),
    *found_in(
        "tests/contract/test_sql_rows.py",
        change("SqlRows.page", "rows[-1].place if len(rows) == PAGE_SIZE else None", "None")
        .breaks("S25", "a rebuild compares and drops the first 200 rows only")
        .by("test_each_generation_is_read_whole_and_in_pages"),
    ),
    *found_in(
        "tests/contract/test_sql_statements.py",
        change("_newest", "sorted(newest)", "newest")
        .breaks("S2", "batches of the same rows deadlock")
        .by("test_rows_are_sent_in_the_order_of_their_keys_so_that_no_two_writers_deadlock"),
        drop("_BUSY", "'53'")
        .breaks(
            "S16", "versions fail for good where PostgreSQL has no connection left for a moment"
        )
        .by("test_a_state_that_passes_is_busy_and_any_other_is_refused"),
        change("Transaction.put_many_if_newer", "len(texts) - put", "0")
        .breaks("S18", "a rebuild in PostgreSQL never says that items were skipped")
        .by("test_rows_that_are_put_and_those_that_are_not_are_counted_for_a_rebuild"),
    ),
    *found_in(
        "tests/contract/test_topics.py",
        change("Topic.publish", "if failed: ...", "if len(failed) == len(entries): ...")
        .breaks("O4", "notices that SNS did not take are lost")
        .by("test_a_message_that_was_not_taken_is_an_error_that_may_pass_and_ends_the_calls"),
        change("_entry", "message['tenantCode']", "'all'")
        .breaks("O5", "one tenant's messages hold up those of all others")
        .by("test_a_queue_is_told_whose_a_message_is_so_that_it_is_fair_to_tenants"),
    ),
    *found_in(
        "tests/contract/test_unique_equivalence.py",
        change("unique.may_free", "found.code == code", "True")
        .breaks("UQ3", "an item frees what is another's")
        .by("test_a_publish_frees_what_may_be_freed"),
        drop("unique.may_take", "found.is_freed")
        .breaks("UQ1", "a value that was freed is nobody's for ever")
        .by("test_a_publish_takes_what_may_be_taken"),
        change("unique_table.is_latest", "version + 1", "version + 2")
        .breaks("UQ2", "a fill writes into a version that is not the latest")
        .by("test_a_version_is_filled_if_it_is_the_latest"),
    ),
    *found_in(
        "tests/contract/test_wait_table.py",
        change(
            "WaitTable.park",
            "'attribute_not_exists(pk) OR since <= :since'",
            "'attribute_not_exists(pk) OR since < :since'",
        )
        .breaks("K2", "a function that runs twice loses its own token, and the execution hangs")
        .by("test_a_function_that_runs_twice_keeps_its_token"),
    ),
    *found_in(
        "tests/contract/test_write_budget.py",
        change("WriteBudget._keep", "next(iter(self._purses))", "tenant")
        .breaks("W3", "beyond 10,000 tenants each request leases, and a bucket's key gets hot")
        .by("test_the_purse_that_was_used_last_is_kept"),
        drop("WriteBudget._lease", "purse = self._purses.get(tenant, purse)")
        .breaks("W4", "two threads lease at once, and the tokens of one are lost")
        .by("test_two_threads_that_lease_at_once_keep_the_tokens_of_both"),
    ),
    *found_in(
        "tests/security/test_own.py",
        change(
            "PlanService._changed",
            "self._check_change(found)",
            "handlers.check_publish(type_, self._client)",
        )
        .breaks("PL1", "whoever may publish only their own items cancels and runs others' plans")
        .by("test_nobody_changes_anothers_plan"),
    ),
    *found_in(
        "tests/unit/command/test_together.py",
        change(
            "CommandTable._decides",
            "[(0, (Refusal.VERSION_TAKEN, check)) for check in stays]",
            "[]",
        )
        .breaks("TG1", "a decision rests on an item that has moved")
        .by("test_an_item_that_would_not_change_stays_and_has_to_stay"),
        change("CommandTable._decides", "decision.request is not None", "False")
        .breaks("TG2", "one request is two decisions")
        .by("test_the_same_request_again_is_answered_as_before"),
        change("together.reserves", "(key.type, each) not in taken", "True")
        .breaks("TG3", "two items cannot exchange their values")
        .by("test_two_items_may_exchange_their_values_in_one_decision"),
        change("unique_table.taking", "' OR code = :giver'", "''")
        .breaks("TG4", "nobody takes what another one of a decision gives")
        .by("test_two_items_may_exchange_their_values_in_one_decision"),
        change("_Together._next", "replace(one, together=names)", "one")
        .breaks("TG5", "versions do not name those that were published with them")
        .by("test_versions_of_several_items_are_published_and_each_names_all"),
        change("together.refused_at", "error.index = place", "pass")
        .breaks("TG6", "nobody learns which one is refused")
        .by("test_one_that_is_refused_refuses_all_and_the_refusal_says_which"),
        change("together.decide", "conflict is not None", "False")
        .breaks("TG7", "what somebody has read and changed is lost")
        .by("test_one_that_is_refused_refuses_all_and_the_refusal_says_which"),
        change("_halves", "stored is None or stored.together != names", "False")
        .breaks("TG8", "no audit finds half a decision")
        .by("test_the_audit_finds_half_of_what_was_published_together"),
    ),
    *found_in(
        "tests/unit/command/test_unique.py",
        change(
            "CommandTable._reserves",
            "unique.moves(before.held, command.unique)",
            "unique.moves((), command.unique)",
        )
        .breaks("UQ4", "a change keeps the old value for ever")
        .by("test_a_change_frees_the_old_value_and_keeps_what_stays"),
        change("CommandTable._reserves", "before.may_be_filled", "False")
        .breaks("UQ5", "a fill beside a publish leaves a value that nobody holds")
        .by("test_a_fill_between_the_reads_and_the_write_of_a_publish_leaves_nothing_behind"),
        drop("versions.values_of", "content.is_deleted")
        .breaks("UQ6", "a deleted item keeps its values")
        .by("test_a_deletion_frees_and_a_revival_asks_again"),
        change(
            "reserving._named", "client is None or handlers.sees_all(other.type, client)", "True"
        )
        .breaks("UQ7", "a refusal names an item that the client may not read")
        .by("test_only_who_may_read_the_other_item_is_told_which_it_is"),
        change("same_text", "normalize('NFKC', text).casefold()", "text")
        .breaks("UQ8", "an address in capitals is another one")
        .by("test_texts_that_differ_in_case_space_or_encoding_are_the_same"),
        change(
            "Unique.value",
            "any((part in (None, '') for part in found))",
            "all((part in (None, '') for part in found))",
        )
        .breaks("UQ9", "items that lack a field refuse one another")
        .by("test_several_fields_are_unique_together_and_what_lacks_one_reserves_nothing"),
        drop("versions.values_of", "secret=secret")
        .breaks("UQ10", "whoever has the index can try values")
        .by("test_the_index_holds_no_value_and_nothing_that_another_tenants_has"),
        drop("give_up_and_restore", "if refused is not None: ...")
        .breaks("UQ11", "a version is skipped, and nothing is restored")
        .by("test_a_skip_that_would_restore_a_taken_value_skips_nothing"),
        change("Eraser._rewrite", "item['version'] < latest", "False")
        .breaks("UQ12", "hashes of an erased person's values stay")
        .by("test_a_person_who_is_erased_leaves_no_hash_and_frees_the_value"),
        drop("_OF_THIS_STACK", "'unique'")
        .breaks("UQ13", "an export has hashes of another stack's secret")
        .by("test_an_export_has_no_hashes_and_the_tenant_gets_its_own_elsewhere"),
        change("Audit._look_at_reservation", "hash_ in latest.unique", "True")
        .breaks("UQ14", "no audit finds a value that nobody holds")
        .by("test_what_a_release_before_has_left_is_found_and_freed"),
        change("unique.fill", "holds == found.held and (not its.taken)", "holds == found.held")
        .breaks("UQ15", "a reservation that is lost is never made again")
        .by("test_an_item_without_its_reservation_is_found"),
        drop("Unique._part", "value == neutral")
        .breaks("UQ16", "two erased people share a value")
        .by("test_what_stands_for_an_erased_person_is_nobodys_value"),
        change("UniqueValues.enforce", "found.freed += Reserved(key).release(hash_)", "pass")
        .breaks("UQ17", "what nobody holds stays reserved")
        .by("test_what_a_release_before_has_left_is_found_and_freed"),
    ),
    *found_in(
        "tests/unit/import_csv/test_unique_rows.py",
        change("publishing.apart", "touched.isdisjoint(its)", "True")
        .breaks("UQ18", "two rows with one value fail the whole batch")
        .by("test_of_two_rows_with_one_value_the_first_wins"),
        drop("Publisher._publish_alone", "if refusal is Refusal.NOT_UNIQUE: ...")
        .breaks("UQ19", "a row whose value is taken waits, and says something else")
        .by("test_of_two_rows_with_one_value_the_first_wins"),
        drop("RowBatch._write", "plan |= self._not_unique(plan, wanted, current)")
        .breaks("UQ20", "a dry run promises rows that will fail")
        .by("test_a_dry_run_says_what_is_taken"),
        change("publishing._before", "held_by(command)", "NOTHING")
        .breaks("UQ21", "rows of a file free nothing")
        .by("test_a_value_may_go_from_one_row_to_another_in_the_same_file"),
    ),
    *found_in(
        "tests/unit/schedule/test_publish_due.py",
        change("in_turn", 'tenant_of(key["pk"])', '""')
        .breaks("PL4", "a tenant with few plans waits for one with many")
        .by("test_a_tenant_with_few_plans_does_not_wait_for_one_with_many"),
        change("PlanTable.due_of", "(plan.due_at, plan.name)", "plan.name")
        .breaks("PL5", "the plans of an item come in the order in which they were made")
        .by("test_plans_of_an_item_come_in_order_of_due_time"),
    ),
    *found_in(
        "tests/unit/schedule/test_deadlines.py",
        change("Plan.may_follow", "outcome.is_settled", "True")
        .breaks("DL1", "what was paid in time is cancelled, if its handlers are late")
        .by("test_it_waits_for_the_handlers_of_the_latest_version"),
        change(
            "_version_to_follow",
            "return latest.version if plan.may_follow(outcome, age) else None",
            "return Known.LATEST if plan.may_follow(outcome, age) else None",
        )
        .breaks("DL2", "what is paid while its deadline is published is cancelled")
        .by("test_a_version_that_comes_in_between_is_waited_for"),
        change("Plan.may_follow", "age >= SETTLES", "True")
        .breaks("DL3", "a deadline does not wait for the handlers of an import")
        .by("test_a_version_without_a_process_has_an_hour_for_its_handlers"),
        change("order_of", "f'{version:010d}'", "f'{version}'")
        .breaks("DL4", "the tenth version of an item cannot move what the ninth has set")
        .by("test_the_tenth_version_is_later_than_the_ninth"),
        change("Deadlines._moment", "self._published_at + after", "bootstrap.now() + after")
        .breaks("DL5", "a deadline counts from a late retry")
        .by("test_what_a_late_handler_sets_is_due_as_if_it_was_in_time"),
        change("Deadlines._say", "not is_replayed()", "True")
        .breaks("DL6", "a rebuild sets deadlines that have come long ago")
        .by("test_a_rebuild_leaves_deadlines_as_they_are"),
        change("_checked_name", "found.startswith(DEADLINE)", "False")
        .breaks("DL7", "a client moves the deadlines that handlers set")
        .by("test_a_client_cannot_plan_under_the_name_of_a_deadline"),
        change("_say", "None if command.is_deleted else moment(command)", "moment(command)")
        .breaks("DL8", "what was deleted is brought back by its deadline")
        .by("test_a_deleted_item_waits_for_nothing"),
    ),
    *found_in(
        "tests/unit/schedule/test_jobs.py",
        change(
            "JobState.runs",
            "self.asked_at is not None or self.missed == 'all'",
            "self.missed == 'all'",
        )
        .breaks("JB1", "a run of the past that somebody asks for is left out")
        .by("test_a_job_runs_for_a_range_of_the_past_again_if_it_is_asked_again"),
        change("JobState.runs", "published - self.occurrence <= LATE", "True")
        .breaks("JB2", "what was planned before an outage runs after it, though nothing should")
        .by("test_what_was_missed_in_a_week_comes_by_its_rule"),
        change("JobState.next", "self.paused", "False")
        .breaks("JB3", "a job that is paused goes on")
        .by("test_a_job_that_is_paused_misses_what_would_have_come"),
        change(
            "JobState.next",
            "None if self.missed == 'all' else calendar.latest(self.since, published)",
            "calendar.latest(self.since, published)",
        )
        .breaks("JB4", "of a week's occurrences only the last one comes")
        .by("test_what_was_missed_in_a_week_comes_by_its_rule"),
        change("Job.changed", "state.since if is_behind else max(now, state.since)", "now")
        .breaks("JB5", "what was missed is lost if the calendar changes meanwhile")
        .by("test_a_new_calendar_says_what_was_missed"),
        change(
            "Job.changed", "(state.calendar, state.missed) == (self.calendar, self.missed)", "False"
        )
        .breaks("JB6", "every sweep publishes a version of each job")
        .by("test_a_job_runs_at_each_occurrence"),
        drop("_register_handlers", "is_replayed()")
        .breaks("JB7", "a rebuild runs every occurrence again")
        .by("test_a_rebuild_runs_nothing"),
        change("JobService._changeable", "handlers.check_publish(job.type, self._client)", "...")
        .breaks("JB8", "whoever may see a job pauses it")
        .by("test_a_client_may_do_what_the_declaration_says"),
        change("_past", "len(found) == MOST_RUNS", "False")
        .breaks("JB9", "a typing error runs a job for each night since 1970")
        .by("test_a_range_that_no_job_runs_for_is_refused"),
    ),
    *found_in(
        "tests/unit/schedule/test_calendar.py",
        change("_Cron.moments", "yield _change_between(second, first, zone)", "yield first")
        .breaks("JB10", "what a clock change leaves out comes an hour after it")
        .by("test_a_local_time_that_is_left_out_comes_at_the_change"),
        change("_Cron.moments", "len(self.hours) == 24", "False")
        .breaks("JB11", "what runs every few minutes stands still for an hour in autumn")
        .by("test_what_has_every_hour_has_both_hours_and_no_moment_twice"),
        change("_Cron.has", "is_day or is_weekday", "is_day and is_weekday")
        .breaks("JB12", "each first of the month or Monday comes only if it is both")
        .by("test_it_finds_what_a_walk_through_every_minute_finds"),
    ),
    *found_in(
        "tools/tests/local/test_live.py",
        change("LiveEvents._publish", "if failed: ...", "if len(failed) == len(texts): ...")
        .breaks("V3", "events that AppSync did not take are lost")
        .by("test_what_is_not_taken_is_no_success"),
    ),
    *found_in(
        "tests/security/test_approvals.py",
        drop("CastVote.on", "vote.seen != approval.digest")
        .breaks("H16", "a vote counts for a content that its voter has not seen")
        .by("test_a_vote_on_something_else_is_none"),
    ),
    *found_in(
        "tests/security/test_claims.py",
        change(
            "Identity.of_claims",
            "('cognito:username', 'username', 'sub') if _is_cognitos(claims) else ('sub',)",
            "('cognito:username', 'username', 'sub')",
        )
        .breaks("H40", "who chooses a claim of another issuer is somebody else")
        .by("test_only_cognitos_names_are_not_chosen_so_of_others_the_subject_is_the_user"),
        drop("_groups", "'' in names")
        .breaks("H41", "a claim with two blanks is read as groups")
        .by("test_a_claim_that_could_be_read_in_two_ways_is_refused"),
        drop("Identity.of_claims", "if tenant == ALL_TENANTS: ...")
        .breaks("H42", "a token may ask for all tenants")
        .by("test_no_token_is_one_of_all_tenants"),
    ),
    *found_in(
        "tests/security/test_lists.py",
        change("_ITEM_BYTES", "2048", "0")
        .breaks("D4", "a full page of small items is more than Lambda answers")
        .by("test_a_page_has_room_for_what_an_answer_adds_to_each_item"),
        change(
            "page_of",
            "if len(page) == wanted.limit: return Page(page, cursor_at(page[-1]['sk']))",
            "if len(page) == wanted.limit: return Page(page, cursor_at(loaded['sk']))",
        )
        .breaks("H54", "a page's cursor leaves one item out")
        .by("test_pages_of_any_sizes_have_every_item_once_and_in_order"),
        change("page_of", "page and room < 0", "room < 0")
        .breaks("H56", "the largest item is on no page, and its list never ends")
        .by("test_pages_of_any_sizes_have_every_item_once_and_in_order"),
    ),
    *found_in(
        "tests/security/test_own_publish.py",
        change("check_own", "(before, 'is not yours')", "(None, 'is not yours')")
        .breaks("H82", "a member takes what is another's by a version that names the member")
        .by("test_anothers_is_refused_before_anything_is_written"),
        change("check_own", "(None if is_bare else after)", "None")
        .breaks("H83", "a member makes items of others, and gives its own away")
        .by("test_anothers_is_refused_before_anything_is_written"),
        drop("check_own", "before is not None")
        .breaks("H84", "a member publishes an item that names nobody, as a deletion")
        .by("test_anothers_is_refused_before_anything_is_written"),
        change("check_own", "(None if is_bare else after)", "after")
        .breaks("H85", "a member cannot delete its own without saying whose it is")
        .by("test_ones_own_is_published"),
        drop(
            "Planner.content",
            "handlers.check_own(importing, wanted.key, self._job.client, before, content)",
        )
        .breaks("H86", "an import writes what a member may not publish")
        .by("test_a_row_of_anothers_fails_and_ones_own_is_imported"),
        drop("Undo._may_change", "permits(handlers.check_own, policy, key, client, found, after)")
        .breaks("H87", "an undo writes versions that are another's")
        .by("test_an_undo_leaves_what_would_be_anothers"),
        change(
            "Access.importing",
            "self.publish if self.imports is None else self.imports",
            "self.publish",
        )
        .breaks("H88", "who may import only what names him imports whatever he may publish")
        .by("test_who_may_import_is_declared_apart"),
    ),
    *found_in(
        "tests/security/test_publishing_policy.py",
        change(
            "Policy.allows",
            "self.machines if client.is_machine else self.members",
            "self.machines or self.members",
        )
        .breaks("H43", "a machine may do what members may")
        .by("test_whom_the_declaration_names_may_and_nobody_else"),
        drop("Policy.__or__", "other.owners")
        .breaks("H44", "joined policies forget whom an item names")
        .by("test_a_policy_says_who_may"),
        drop("guarded_content", "is_whole")
        .breaks("H45", "a change that removes a guarded attribute is taken as none")
        .by("test_no_client_writes_a_guarded_attribute_in_part"),
    ),
    *found_in(
        "tests/security/test_secrets.py",
        change_text("_IBAN", "{2,7}", "{3,7}")
        .breaks("M2", "Norwegian IBANs stay in logs")
        .by("test_what_is_private_is_masked_and_the_words_around_it_stay"),
    ),
    *found_in(
        "tests/security/test_sql_tls.py",
        change(
            "_ssl_context",
            "'disable' if host in _LOOPBACK else 'verify-full'",
            "'disable' if host in _LOOPBACK else 'require'",
        )
        .breaks("S8", "whoever stands between a function and its database reads along")
        .by("test_a_server_elsewhere_has_to_prove_its_name"),
    ),
    *found_in(
        "tests/template/test_layer.py",
        drop("PARTS", "'template.yaml'")
        .breaks(
            "L1", "a parameter in a project's template.yaml never reaches what is behind an alias"
        )
        .by("test_the_frameworks_layer_changes_with_whatever_is_deployed_with_it"),
        change("digest", "application.name == FOLDER", "False")
        .breaks("L2", "a project's package and parameters never reach what is behind an alias")
        .by("test_the_frameworks_layer_changes_with_whatever_is_deployed_with_it"),
    ),
    *found_in(
        "tests/template/test_policies.py",
        unlist("StreamOnProcessChangedFunction", "states:SendTaskFailure")
        .breaks("T1", "a version behind a failed one waits for the sweep")
        .by("test_who_may_wake_a_version_may_fail_it_as_well"),
        unlist("QueueOnImportActionFunction", "s3:AbortMultipartUpload")
        .breaks("T2", "an upload that is given up leaves its parts, which cost for ever")
        .by("test_who_writes_reports_may_give_an_upload_up"),
    ),
    *found_in(
        "tests/unit/api/test_handle_request.py",
        change(
            "_publish",
            "_publish_partial if body.get('partial') else _publish_whole",
            "_publish_whole",
        )
        .breaks("H80", "a partial change is refused, or replaces the whole item")
        .by("TestPublish::test_a_partial_change_keeps_what_it_does_not_name"),
        change(
            "get_item", "request.query('deleted') == 'true'", "request.query('deleted') != 'true'"
        )
        .breaks("H81", "a deleted item is shown to whoever did not ask for it")
        .by("TestData::test_a_deleted_item_is_shown_where_it_is_asked_for"),
    ),
    *found_in(
        "tests/unit/api/test_repairs.py",
        change("_Versions.entries", "not self._time.is_over", "True")
        .breaks("B1", "a plan whose time was over says that it has every failure")
        .by("test_a_plan_whose_time_is_over_at_the_end_of_a_page_is_not_complete"),
        change(
            "_Versions._listed",
            "min(filter(None, (self._scope.wanted.until, self._scope.by)))",
            "self._scope.wanted.until or self._scope.by",
        )
        .breaks("B9", "a plan that goes on after another has failures that came after both")
        .by("test_a_plan_after_another_one_means_what_had_failed_when_the_first_was_made"),
        drop("_fitting", "100")
        .breaks("B7", "a plan of long names is larger than a task takes, and cannot be started")
        .by("test_a_plan_is_no_larger_than_what_one_task_takes"),
    ),
    *found_in(
        "tests/unit/api/test_waiting.py",
        drop("wait_until_applied", "Outcome.APPLIED")
        .breaks("Y2", "a read that meets its version being applied is told that it never will be")
        .by("TestPython::test_a_version_that_is_applied_between_two_reads_is_looked_at_again"),
        change("_pauses", "min(pause, seconds)", "pause")
        .breaks("Y6", "a request waits longer than its client asked for")
        .by("TestVersion::test_one_that_stays_open_is_accepted_and_asked_for_again"),
        drop("_pauses", "bootstrap.now() <= until")
        .breaks("Y7", "a request whose reads are slow outlives its function")
        .by("TestPython::test_what_looks_take_is_part_of_the_wait"),
    ),
    *found_in(
        "tests/unit/command/test_set_ttl_command.py",
        change(
            "CommandTable.expire",
            "'attribute_exists(pk) AND attribute_not_exists(#ttl)'",
            "'attribute_not_exists(#ttl)'",
        )
        .breaks(
            "DB5", "an item of a ttl alone stands where a version has expired, and lists fail on it"
        )
        .by("test_a_command_that_has_gone_is_not_made_again"),
    ),
    *found_in(
        "tests/unit/api/test_data.py",
        change("_stays", "bootstrap.data().version_of(key).version != version", "False")
        .breaks("DR5", "a skip says that content stays which the row never had")
        .by("TestSkip::test_of_a_version_that_never_reached_the_row_says_that_nothing_stays"),
        drop(
            "give_up_and_restore",
            "handlers.check_content(key, row.converted, bootstrap.commands().find(key, version))",
        )
        .breaks("DR6", "a version is skipped, and what was before it cannot be restored")
        .by("TestSkip::test_skips_nothing_if_the_content_no_longer_fits_its_class"),
        change("last_applied", "outcome_of(row) is Outcome.APPLIED", "True")
        .breaks("DR7", "?applied=true shows a version whose handler has failed")
        .by("TestApplied::test_is_the_last_applied_state_of_the_history"),
    ),
    *found_in(
        "tests/unit/command/test_sync_data.py",
        drop("project", "if handler == handlers.DATA_ROW: ...")
        .breaks("DR1", "an execution that the release before began fails in its Map")
        .by("test_an_execution_of_the_release_before_still_writes_the_data_row_here"),
    ),
    *found_in(
        "tests/unit/command/test_transform_data.py",
        drop("app.lambda_handler", "write_row(state.ref.key, state.ref.version)")
        .breaks("DR2", "a version is APPLIED and its item stays as it was")
        .by("test_the_data_row_becomes_this_version_before_the_handlers_are_listed"),
        change(
            "app.lambda_handler",
            "names = handlers.names_of(state.ref.key.type)\n"
            "write_row(state.ref.key, state.ref.version)",
            "write_row(state.ref.key, state.ref.version)\n"
            "names = handlers.names_of(state.ref.key.type)",
        )
        .breaks("DR3", "a package that cannot be imported shows versions that no handler has seen")
        .by("test_a_package_that_cannot_be_imported_leaves_the_row_as_it_is"),
        change(
            "write_row",
            "bootstrap.commands().stored(key, version)",
            "bootstrap.commands().find(key, version)",
        )
        .breaks("DR4", "transform_data asks S3 for what it does not write, and has no right to it")
        .by("test_attributes_in_the_bucket_stay_there_and_the_row_points_to_them"),
    ),
    *found_in(
        "tests/unit/approval/test_approval.py",
        change(
            "CastVote.on",
            "len(votes) >= approval.rules.needed",
            "len(votes) > approval.rules.needed",
        )
        .breaks("H14", "an approval needs one vote more than its rules say")
        .by("test_as_many_as_are_needed_grant"),
        drop("Approval.is_open_to", "not self._has_vote(user)")
        .breaks("H15", "one person votes twice and grants alone")
        .by("test_nobody_votes_on_what_is_decided_or_over_or_twice"),
        drop("Expire.on", "approval.is_decided")
        .breaks("H17", "what was granted at the last moment expires")
        .by("test_only_what_nobody_has_decided_in_time_expires"),
        change("Park.on", "approval.token_seq is None or approval.token_seq < self.seq", "True")
        .breaks("H18", "a late wait takes a newer token away, and the decision wakes nobody")
        .by("test_a_late_wait_does_not_replace_a_newer_token"),
        change(
            "Retry.on",
            "_next_attempt(approval, at, restarts=0)",
            "_next_attempt(approval, at, restarts=approval.restarts)",
        )
        .breaks("H19", "what an operator runs again gets no further attempts from the sweep")
        .by("test_what_has_failed_begins_anew_and_counts_from_none"),
        change("Approval.is_over", "self.expires_at <= now", "self.expires_at < now")
        .breaks("H20", "a decision counts at the very moment at which it expires")
        .by("test_nobody_votes_on_what_is_decided_or_over_or_twice"),
    ),
    *found_in(
        "tests/unit/command/test_chain.py",
        drop("_swept_in_the_lane", "trace=process.trace")
        .breaks("X5", "the trace of a version that the sweep starts ends at its publish")
        .by("TestSweep::test_what_is_started_again_goes_on_with_its_trace"),
        change("previous", "Outcome.SKIPPED", "Outcome.BLOCKED")
        .breaks("H4", "a version waits for one that was given up")
        .by("TestTurn::test_skipped_versions_are_stepped_over"),
        change("wake", "verdict.turn is not Turn.WAIT", "verdict.turn is Turn.GAP")
        .breaks("H5", "a version behind a failed one waits until its time is over")
        .by("TestWake::test_a_waiter_whose_predecessor_failed_fails_by_name"),
        change("wait", "if found.token != token: return", "return")
        .breaks(
            "H7", "a function that stores its token twice does not look whether the wait is over"
        )
        .by("TestWait::test_the_same_try_made_twice_looks_again"),
        drop("close", "if stored.outcome is Outcome.BLOCKED: ...")
        .breaks(
            "H8",
            "a version that is blocked while the one before is repaired stays so until the sweep",
        )
        .by(
            "TestClose::test_a_blocked_version_looks_whether_its_predecessor_was_repaired_meanwhile"
        ),
        change("wake_next", "if process.outcome is not Outcome.SKIPPED: break", "break")
        .breaks("H9", "behind a version that was given up nobody is woken")
        .by("TestWake::test_the_next_one_is_the_nearest_that_is_not_skipped"),
        change("_repairable", "not process.outcome.is_repairable", "process.outcome.is_settled")
        .breaks("H10", "an operator retries a version that is at work")
        .by("TestRepair::test_what_has_not_failed_is_not_repaired"),
        drop("_swept", "not has_ended")
        .breaks("H11", "a version whose execution was stopped while it queued waits for ever")
        .by("TestSweep::test_one_that_queues_and_whose_execution_was_stopped_fails"),
        change("apply", "data.version >= version", "data.version > version")
        .breaks("H12", "a function that runs twice is told that the data moved")
        .by("TestApply::test_the_data_never_goes_back"),
    ),
    *found_in(
        "tests/unit/import_csv/test_import_budget.py",
        change("Measure.on", "max(taken.size, self.size)", "self.size")
        .breaks(
            "I1", "a job whose rows are counted has no bytes: a tenant opens as many as it likes"
        )
        .by("test_a_job_keeps_its_bytes_when_its_rows_are_counted"),
        drop("Measure.on", "larger != taken")
        .breaks("I2", "once a deploy lowers a limit, an import that is tried again fails")
        .by("test_what_is_measured_twice_is_taken_even_if_less_would_be_given_today"),
    ),
    *found_in(
        "tests/unit/import_csv/test_import_job.py",
        drop("AwaitBy.on", "job.parent.seq > self.parent.seq")
        .breaks("H28", "an archive's earlier try takes the token of the next away")
        .by("test_a_later_wait_takes_an_earlier_ones_place_and_not_the_other_way"),
        change(
            "RetryBy.on",
            "job if job.retried_by else replace(job, retried_by=self.id)",
            "replace(job, retried_by=self.id)",
        )
        .breaks("H29", "two who retry an import at once import its failed rows twice")
        .by("test_a_job_is_retried_by_the_first_that_is_noted"),
        change("ImportRecord.ended", "self.is_cancelled", "not self.is_cancelled")
        .breaks("H30", "a job that ends well is told as cancelled")
        .by("test_a_job_ends_once"),
        change(
            "Advance.on",
            "if job.updated_at and _between(job.updated_at, at) < TOLD_EVERY: return None",
            "if job.updated_at and _between(job.updated_at, at) < TOLD_EVERY: pass",
        )
        .breaks("H32", "progress is told many times a second")
        .by("test_progress_is_told_once_a_second_at_most"),
        change("Load.on", "job.step or 0", "0")
        .breaks("H34", "progress that was told is told again once a file is read twice")
        .by("test_progress_only_moves_on"),
    ),
    *found_in(
        "tests/unit/import_csv/test_import_queue.py",
        change("Settle.on", "queue.waiting - self.seen | self.left", "frozenset(self.left)")
        .breaks("Q3", "a tenant that comes while others are looked at is forgotten")
        .by("test_a_tenant_that_came_while_all_were_looked_at_goes_on_waiting"),
    ),
    *found_in(
        "tests/unit/import_csv/test_imports.py",
        drop("Job._since", "CLOCK_SKEW")
        .breaks("N6", "a row is written over by an earlier one of its file where clocks differ")
        .by("test_a_version_that_may_be_younger_than_the_job_may_hide_one_of_its_own"),
    ),
    *found_in(
        "tests/unit/kernel/test_moves_at_once.py",
        change(
            "ReadModel._delete_of",
            "'attribute_not_exists(pk) OR version < :version'",
            "'attribute_not_exists(pk) OR version <> :version'",
        )
        .breaks("DB14", "a late version moves a row that a newer one has written where it was")
        .by("test_two_versions_leave_the_newer"),
        change(
            "ReadModel._renew",
            "'version < :version AND #item = :item'",
            "'version <> :version AND #item = :item'",
        )
        .breaks("DB15", "a late version overwrites a row that stays where it is")
        .by("test_three_versions_leave_the_newest"),
    ),
    *found_in(
        "tests/unit/kernel/test_notices.py",
        change("alarm", "message[:MAX_MESSAGE]", "message")
        .breaks("O1", "an alarm with a long cause is larger than a message may be")
        .by("test_an_alarms_message_is_short_and_there_is_one_without_a_cause"),
        change(
            "task_status",
            "{**fields, **(task.counts or tasks.Counts()).by_name}",
            "{**fields, **(task.counts or tasks.Counts()).by_name, 'cancelled': 0}",
        )
        .breaks("O9", "the notice of a task says that no item was cancelled")
        .by("test_a_notice_tells_how_the_items_of_a_task_have_ended"),
    ),
    *found_in(
        "tests/unit/command/test_process.py",
        drop("Restart.when", "IS_WITH_ITS_PUBLISHER")
        .breaks("DB3", "a version whose publisher died waits for ever")
        .by("test_what_failed_or_died_with_its_publisher_may_restart"),
        drop("Leave.when", "self.run")
        .breaks("C3", "a run without the claim hands a version over, which two machines then run")
        .by("test_another_run_than_the_one_that_claimed_it_writes_nothing"),
        drop("Close.when", "self.run")
        .breaks("C4", "a second run of the express machine closes the version of the first")
        .by("test_another_run_than_the_one_that_claimed_it_writes_nothing"),
        drop("Renew.when", "is_one('run', self.run)")
        .breaks("C5", "a version is begun anew though its run goes on")
        .by("test_another_run_than_the_one_that_claimed_it_writes_nothing"),
        change("Park.when", "Below('token_seq', self.seq)", "is_owned_by(self.attempt)")
        .breaks("H6", "a late try takes the newer token away, and the wait never ends")
        .by("test_a_token_is_replaced_by_a_later_try_only"),
        change(
            "is_attempt", "is_one('attempt', attempt)", "is_one('attempt', attempt, attempt + 1)"
        )
        .breaks("DB1", "an execution of an attempt that was retried writes the status of the next")
        .by("test_only_the_current_attempt_writes_and_only_while_the_version_is_open"),
        drop("is_attempt", "Absent('run') | is_one('run', run)")
        .breaks("DB2", "two runs of the express lane work on one version at once")
        .by("test_another_run_than_the_one_that_claimed_it_writes_nothing"),
    ),
    *found_in(
        "tests/unit/kernel/test_read_models.py",
        drop("OpenSegment.on", "counts=Counts()")
        .breaks("G7", "items count twice once a rebuild is resumed")
        .by("test_an_attempt_that_does_what_failed_again_begins_the_count_anew"),
        change(
            "Advance.on",
            "(segment.attempt, segment.cursor) != (self.attempt, self.before)",
            "segment.attempt != self.attempt",
        )
        .breaks("G18", "two functions at one segment count its pages twice, and leave pages out")
        .by("test_a_page_is_counted_once_by_the_attempt_that_read_it"),
    ),
    *found_in(
        "tests/unit/saga/test_saga.py",
        change(
            "Retry.on",
            "_next_attempt(saga, at, restarts=0)",
            "_next_attempt(saga, at, restarts=saga.restarts)",
        )
        .breaks("U7", "a retried saga is parked at the first execution that dies")
        .by("test_a_parked_saga_is_retried_as_its_next_attempt"),
        change(
            "Entry.may_be_begun",
            "self.status is EntryStatus.STARTED"
            " or (is_undo and self.status is not EntryStatus.DONE)",
            "self.status is not EntryStatus.DONE",
        )
        .breaks("H70", "a step that was refused is tried again")
        .by("test_a_try_takes_over_what_has_no_end_and_a_compensation_what_has_failed"),
        change("Move.made_for", "inner = self.choice != of.step", "inner = False")
        .breaks("U12", "all arms of a choice in a list are made")
        .by("test_what_an_item_of_a_list_makes_has_its_number"),
        change("Entry.owner", "not self.is_ahead", "True")
        .breaks("U8", "a function that was given up makes a step beside the state that follows")
        .by("test_a_state_takes_over_from_a_function_that_went_ahead_and_never_the_reverse"),
        change("Entry.may_be_begun", "self.owner <= by", "self.owner < by")
        .breaks("H71", "a step whose function died is not begun by the same try again")
        .by("test_a_try_takes_over_what_has_no_end_and_a_compensation_what_has_failed"),
        change("Entry.may_be_ended", "EntryStatus.STARTED", "self.status")
        .breaks("H72", "a step that has ended ends again otherwise")
        .by("test_only_the_try_that_works_on_a_step_says_how_it_ended_and_once"),
    ),
    *found_in(
        "tests/unit/schedule/test_plans_of_sagas.py",
        change("unplan_once", "plans.get(type_, code, name).status is not Status.PUBLISHED", "True")
        .breaks("U15", "what a plan of a step has published stays when the step is undone")
        .by("test_what_is_published_by_then_is_undone_by_another_version"),
    ),
    *found_in(
        "tests/unit/saga/test_children.py",
        change("undo_started", "child.status.is_open", "False")
        .breaks("U13", "a child that runs goes on after its parent has been undone")
        .by("test_a_child_that_runs_is_waited_for_before_it_is_undone"),
        change("made_or_never", "found is None and bootstrap.requests().put(void)", "found is None")
        .breaks("U14", "a child that was undone is started by a late function")
        .by("test_a_child_that_was_undone_first_is_never_started"),
    ),
    *found_in(
        "tests/unit/saga/test_saga_programs.py",
        change("left_of", "move.step in saga.log", "_is_done(saga, move.step)")
        .breaks(
            "U2", "a saga ends as COMPENSATED though a step that may have happened is not undone"
        )
        .by("test_whatever_had_begun_is_left_to_be_undone_the_last_first"),
        change(
            "_undo", "entry.status is EntryStatus.DONE", "entry.status is not EntryStatus.STARTED"
        )
        .breaks("U9", "a late try answers for a later one whose compensation has failed")
        .by("test_a_late_try_does_not_answer_for_a_later_one_whose_compensation_has_failed"),
        change("left_of", "reversed(moves)", "moves")
        .breaks("U10", "steps are undone in the order in which they were made")
        .by("test_whatever_had_begun_is_left_to_be_undone_the_last_first"),
    ),
    *found_in(
        "tests/unit/task/test_task_programs.py",
        drop("Claim.when", "_IS_NOT_COMPLETED")
        .breaks("H21", "a retry runs an item again that went well")
        .by("test_an_item_is_taken_by_a_later_try_or_by_a_later_attempt_whose_turn_has_come"),
        change(
            "Claim.when",
            "Below('attempt', self.attempt) & _IS_NOT_COMPLETED & is_unleased",
            "Below('attempt', self.attempt) & _IS_NOT_COMPLETED",
        )
        .breaks("H22", "a later attempt works on an item beside the function of an earlier one")
        .by("test_an_item_is_taken_by_a_later_try_or_by_a_later_attempt_whose_turn_has_come"),
        drop("CloseItem.sets", "'lease_until'")
        .breaks("H23", "an item that has ended is waited for until its lease is over")
        .by("test_an_item_that_ends_has_no_lease_and_one_that_is_settled_keeps_it"),
    ),
    *found_in(
        "tests/unit/command/test_versioning.py",
        change("whose_turn", "data.command_id == mine.command_id", "data.command_id != ''")
        .breaks("H1", "a version that another command has written counts as applied by this one")
        .by("test_whose_turn_it_is"),
        change(
            "whose_turn",
            "predecessor.outcome is Outcome.APPLIED and data.version >= predecessor.version",
            "predecessor.outcome is Outcome.APPLIED",
        )
        .breaks("H2", "a version runs before the data of the one before are written")
        .by("test_whose_turn_it_is"),
        change(
            "whose_turn",
            "Turn.NOW if data.version >= predecessor.version else Turn.GAP",
            "Turn.NOW",
        )
        .breaks("H3", "a version runs though the one before is neither stored nor applied")
        .by("test_whose_turn_it_is"),
    ),
    *found_in(
        "tests/unit/api/test_write_budget.py",
        change("Purse.filled", "self.tokens if at < self.ends_at else 0", "self.tokens")
        .breaks("W2", "a tenant exceeds its rate by the tokens of leases that are long over")
        .by("test_what_a_lease_had_left_is_lost_with_it"),
    ),
    *found_in(
        "tests/unit/zip_orchestrator/test_zip_corpus.py",
        change("_last_record", "at + comment == last", "at + comment <= last")
        .breaks("Z4", "an archive has other files than other tools show")
        .by("test_every_archive_is_read_as_the_corpus_says"),
    ),
    *found_in(
        "tests/unit/import_csv/test_csv_rows_handler.py",
        change(
            "ImportTable.count", "'attribute_not_exists(sealed)'", "'attribute_not_exists(nobody)'"
        )
        .breaks("DB9", "a batch that comes after the end is counted")
        .by("test_a_batch_that_comes_after_the_job_was_ended_without_it_is_not_counted"),
    ),
    *found_in(
        "tests/unit/import_csv/test_queue.py",
        drop("leave", "if queue.waiting: ...")
        .breaks("Q2", "an import that waits begins a minute after its place is free")
        .by("test_what_is_above_the_places_of_a_tenant_stays_created_and_begins_oldest_first"),
        drop("begin_waiting", "number == LOOKED_AT")
        .breaks("Q4", "a tenant behind a thousand that wait is forgotten")
        .by("test_a_tenant_behind_those_that_are_looked_at_goes_on_waiting"),
    ),
    *found_in(
        "tests/unit/import_csv/test_row_batch.py",
        change("RowBatch._count", "self._rows[-1].number", "self._first + len(self._rows) - 1")
        .breaks("N4", "a report leaves out failed rows of a file with blank lines")
        .by("test_a_batch_is_marked_by_its_first_and_its_last_row_whatever_lies_between"),
    ),
    *found_in(
        "tests/unit/import_csv/test_undo.py",
        drop("Job.left_rows_at", "_between(self.finished_at, at) < LATE_ROWS")
        .breaks("H33", "what has failed is never undone")
        .by("test_rows_that_changed_nothing_or_failed_are_no_rows_of_the_undo"),
    ),
    *found_in(
        "tests/unit/rebuild/test_work_on_segment.py",
        change("_page_of_versions", "last.version if last.key == row.key else 0", "last.version")
        .breaks("G2", "a rebuild of every version leaves out the first versions of an item")
        .by("test_a_page_that_ends_between_two_items_of_a_bucket_leaves_nothing_out"),
        change("_page_of_versions", "version if row.key.code == code else 0", "version")
        .breaks(
            "G9",
            "a rebuild of every version leaves out the first versions of each later item of a page",
        )
        .by("test_a_page_of_every_version_is_bounded"),
    ),
    *found_in(
        "tests/unit/schedule/test_finish_imports.py",
        change("SweptTable.opened", "'opened_at < :before'", "'opened_at > :before'")
        .breaks("DB10", "sweeps repair what has just begun, and nothing that hangs")
        .by("test_a_job_whose_execution_died_ends_by_what_was_counted"),
    ),
    *found_in(
        "tests/unit/schedule/test_sweep_commands.py",
        drop("sweep", "GRACE")
        .breaks("P2", "a sweep restarts what was published a moment ago")
        .by("test_what_was_opened_lately_is_left_to_its_start"),
        drop("_ages", "reverse=True")
        .breaks("P3", "the age of a type's newest version is told for that of its oldest")
        .by("test_the_age_of_the_oldest_open_version_is_a_metric"),
        change("sweep", "now + timedelta(milliseconds=remaining_ms() + 1_000)", "now")
        .breaks("P4", "two functions sweep at a time")
        .by("test_nobody_else_sweeps_as_long_as_a_sweep_may_last"),
        change(
            "sweep",
            "{str(shard): part.cursor for shard, part in parts.items() if part.cursor}",
            "{}",
        )
        .breaks("P5", "what is behind the first pages of a shard is never swept")
        .by("test_when_the_time_is_nearly_over_the_next_sweep_goes_on_from_there"),
    ),
    *found_in(
        "tests/unit/schedule/test_sweep_imports.py",
        change(
            "Job.may_have_lost", "QUEUE_LIFE if self.sent_at else QUEUE_PATIENCE", "QUEUE_PATIENCE"
        )
        .breaks("H31", "a row that waits in its queue is sent again each minute")
        .by("test_a_message_is_not_sent_a_third_time_while_the_second_may_lie_in_its_queue"),
        change("IMPORTS", "job.started_at or job.opened_at", "job.opened_at")
        .breaks("P6", "an import that waited for its turn raises an alarm as it begins")
        .by("test_the_age_of_the_oldest_job_is_a_metric_from_its_beginning_on"),
    ),
    *found_in(
        "tests/unit/schedule/test_sweep_sagas.py",
        change("sweep", "saga.restarts < MAX_RESTARTS", "saga.restarts <= MAX_RESTARTS")
        .breaks("U6", "a saga whose executions die is restarted once more than the docs say")
        .by("test_a_saga_whose_fourth_execution_died_is_parked"),
    ),
    *found_in(
        "tests/unit/approval/test_approvals.py",
        drop("Approval.awaits", "not self._is_own(user)")
        .breaks("H13", "the inbox lists what its reader has requested and cannot decide")
        .by("test_the_inbox_has_what_waits_for_this_very_person"),
    ),
    *found_in(
        "tests/unit/command/test_publish.py",
        change("new_put", "'attribute_not_exists(pk)'", "'attribute_not_exists(nobody)'")
        .breaks("DB4", "of two who publish the same version the first is lost")
        .by("TestPartial::test_a_change_that_was_overtaken_merges_into_what_came_between"),
        change(
            "RequestTable.put_operation",
            "'attribute_not_exists(pk) OR #ttl <= :now'",
            "'attribute_not_exists(pk) OR #ttl > :now'",
        )
        .breaks("DB8", "an Idempotency-Key does not keep a request from being made twice")
        .by("TestIdempotency::test_after_24_hours_the_key_is_free"),
    ),
    *found_in(
        "tests/unit/command/test_publish_sync.py",
        change(
            "CommandTable._settled",
            "'attribute_not_exists(pk) OR outcome = :applied'",
            "'attribute_not_exists(pk) OR outcome <> :applied'",
        )
        .breaks("DB6", "a request applies its version while the one before is at work")
        .by("test_the_state_before_is_kept_in_the_history"),
    ),
    *found_in(
        "tests/unit/rebuild/test_rebuilds.py",
        change(
            "Drop.on", "view.stage in (Stage.READY, Stage.SWITCHED)", "view.stage is Stage.SWITCHED"
        )
        .breaks("G1", "a drop after a rollback deletes rows that functions still read")
        .by("test_what_was_rolled_back_is_dropped_once_nobody_can_read_it"),
        drop("EndStage.on", "'round'")
        .breaks("G15", "a resumed rebuild is not compared again, and its old problems stay")
        .by("test_what_failed_is_replayed_again_by_who_resumes_and_told_no_more"),
        drop("Compare.on", "round=view.round + 1")
        .breaks("G16", "a comparison that is asked for again compares nothing")
        .by("test_rows_on_their_way_to_both_generations_are_read_again"),
        change("Begin.on", "latest=view.latest + 1", "latest=view.latest")
        .breaks("G17", "a new generation has rows of a dropped one that are not deleted yet")
        .by("test_the_number_of_a_generation_is_never_used_again"),
        drop("_has_ended", "not is_redone")
        .breaks("G6", "items that failed are never replayed again")
        .by("test_what_failed_is_replayed_again_by_who_resumes_and_told_no_more"),
        change("_replay_in_bulk", "writing.refused if is_row_each else 0", "writing.refused")
        .breaks("G19", "a bulk handler that writes several rows makes counts negative")
        .by("test_rows_that_a_bulk_handler_writes_beside_others_are_not_taken_for_items"),
        drop("compare", "*PAUSES")
        .breaks("G5", "versions on their way to both generations make a switch look unsafe")
        .by("test_rows_on_their_way_to_both_generations_are_read_again"),
        change("compare", "_alone(view, serving)", "serving")
        .breaks("G10", "rows that both generations have are compared and counted twice")
        .by("test_equal_rows_are_counted_so"),
        change("_row", "{k: v for k, v in row.items() if v is not None}", "dict(row)")
        .breaks("G11", "an attribute that is null in one generation makes a switch look unsafe")
        .by("test_an_attribute_that_is_null_is_no_difference"),
    ),
    *found_in(
        "tests/unit/kernel/test_shapes.py",
        drop("Schema.checked", "CHECKED not in self.fields[n]")
        .breaks("H60", "a field that must be given may be null")
        .by("test_what_is_not_of_its_shape_is_refused"),
        change("_refusal", "isinstance(value, bool)", "isinstance(value, bool | int)")
        .breaks("H61", "1 is taken for true")
        .by("test_what_is_not_of_its_shape_is_refused"),
        change("_refusal", "least <= len(value) <= most", "len(value) <= most")
        .breaks("H62", "an empty batch is taken")
        .by("test_what_is_not_of_its_shape_is_refused"),
        drop("Schema.view", "may_be_null and name in given")
        .breaks("H63", "a field that says null is left out")
        .by("test_nothing_is_shown_only_where_it_is_given_and_may_be_null"),
    ),
    *found_in(
        "tests/unit/kernel/test_stream.py",
        change("_is_given_up", "any", "all")
        .breaks("O2", "a new record's notices are given up with those of an old one")
        .by("test_notices_of_a_batch_are_not_given_up_while_one_of_its_records_is_new"),
        change(
            "stream_of",
            "not _is_given_up([record], error)",
            "_is_given_up([record], error) is not None",
        )
        .breaks("O3", "a record that is given up holds up those behind it for good")
        .by("test_then_it_goes_to_the_dead_letters_and_does_not_hold_up_those_behind_it"),
        change(
            "_give_up", "record.get('dynamodb', {}).get('Keys', {})", "record.get('dynamodb', {})"
        )
        .breaks("O11", "a dead letter keeps the whole item, which may be private")
        .by("test_then_it_goes_to_the_dead_letters_and_does_not_hold_up_those_behind_it"),
    ),
    *found_in(
        "tests/unit/care/test_sweep.py",
        change(
            "_sweep_shard",
            "found, following = table.opened(shard, None, before, kind.per_page)\n"
            "part.note(kind, found)",
            "found, following = table.opened(shard, None, before, kind.per_page)",
        )
        .breaks("P1", "the alarm on age sleeps while a sweep goes on behind the oldest")
        .by("test_the_age_of_the_oldest_is_a_metric"),
    ),
    *found_in(
        "tests/unit/task/test_tasks.py",
        change(
            "retry", "item.status is not TaskStatus.COMPLETED", "item.status is TaskStatus.FAILED"
        )
        .breaks("H25", "a retry leaves out what was cancelled")
        .by("TestRetry::test_what_failed_or_was_cancelled_runs_again_and_nothing_else"),
    ),
    *found_in(
        "tests/unit/care/test_tenants.py",
        change("_of_versions", '("command", "process")', '("command", "process", "plan")')
        .breaks("PL3", "the export of a tenant with a plan fails")
        .by("test_an_export_has_the_item_and_not_what_is_planned"),
        change("_Chain.fits", "row['version'] != self.newest", "False")
        .breaks("X21", "an export has an item's versions of before and its row of after")
        .by("test_an_item_that_changes_after_the_scan_is_exported_as_it_is_then"),
        change(
            "_Chain.is_at_rest", "all(Outcome(outcome).is_settled for outcome in outcomes)", "True"
        )
        .breaks("X22", "an export has a version as open whose row it has")
        .by("test_a_version_that_is_applied_after_the_scan_is_exported_as_applied"),
        change(
            "_Chain.fits",
            "each.get('erased') == marks.get(each['version'], each.get('erased'))",
            "True",
        )
        .breaks("X23", "an export has what was erased while it ran, beside what is left of it")
        .by("test_an_item_that_is_erased_after_the_scan_has_no_line_of_before"),
    ),
    *found_in(
        "tests/unit/task/test_finalize_task.py",
        change(
            "SettleItem.when", "AtMost('attempt', self.attempt)", "Below('attempt', self.attempt)"
        )
        .breaks("DB12", "an item whose function died stays open, and so does its task")
        .by("test_an_item_whose_function_died_at_every_try_fails_with_its_error"),
        drop("finalize", "task.attempt != attempt")
        .breaks("H26", "an attempt that is over ends the task of the next")
        .by("test_an_attempt_that_is_over_ends_nothing"),
        drop("settle", "*expired")
        .breaks("H27", "items that have expired are missing in a task's counts")
        .by("test_items_that_have_expired_since_they_were_completed_are_counted_as_such"),
    ),
    *found_in(
        "tests/unit/task/test_iterator.py",
        drop("OfTry.when", "is_one('seq', self.seq)")
        .breaks("DB11", "a function that outlived its try ends the item of the next")
        .by("test_a_function_that_outlives_its_try_records_nothing"),
        drop("work", "fails_fast")
        .breaks("H24", "one failed item stops a task that does not fail fast")
        .by("test_what_the_handler_raises_is_recorded_with_its_traceback_and_not_raised"),
    ),
    *found_in(
        "tests/unit/queue/test_on_notification.py",
        change(
            "notice_handlers",
            "depth >= registry.depths.get(each, DEEPEST)",
            "depth > registry.depths.get(each, DEEPEST)",
        )
        .breaks("D5", "a notice goes one handler further than its handler lets it")
        .by("test_a_notice_that_is_too_deep_is_handed_to_nobody_and_people_are_told_once"),
    ),
    *found_in(
        "tests/unit/webhooks/test_send_webhook.py",
        change("_Pinned.connect", "(self._address, self.port)", "(self.host, self.port)")
        .breaks("WH1", "a name that changes after the check leads a webhook into our network")
        .by("test_a_name_that_changes_after_the_check_changes_nothing"),
        change("checked", "all(map(is_public, addresses))", "any(map(is_public, addresses))")
        .breaks("WH2", "a host with a public address hides one that is not")
        .by("test_a_host_with_one_address_that_is_not_public_is_refused"),
        drop("is_public", "found.is_multicast")
        .breaks("WH3", "a webhook goes to a group of hosts")
        .by("test_a_host_with_one_address_that_is_not_public_is_refused"),
        drop("_post", "timer.start()")
        .breaks("WH4", "a slow receiver holds the function until it dies with ten notices")
        .by("test_a_receiver_that_answers_ever_so_slowly_is_left"),
        drop("webhook_of", "event.pop('traceparent', None)")
        .breaks("WH5", "a notice that is stored in two traces has two webhook-ids")
        .by("test_a_notice_whose_webhook_is_not_taken_is_delivered_again"),
    ),
    *found_in(
        "tests/simulation/test_notice_loops.py",
        change("Restart.sets", "{'depth': self.depth} if self.depth else {}", "{}")
        .breaks("D6", "a handler that retries what fails for good never ends")
        .by("test_a_handler_that_retries_what_fails_for_good_comes_to_an_end"),
    ),
    *found_in(
        "tests/unit/types/test_shapes.py",
        change("is_newer", "shape > typed.shape", "shape > typed.shape + 1")
        .breaks("DA1", "a handler of old code is given a version of the next shape")
        .by("test_the_very_next_shape_is_newer_and_todays_is_not"),
        drop("check_content", "not before.is_deleted")
        .breaks("DA2", "a rule is given a deleted item as the one before")
        .by("test_a_rule_is_given_nothing_where_the_item_was_deleted"),
        change("Command.says", "self.shape < models.shape_of(self.key.type)", "False")
        .breaks("DA3", "the same content in today's words makes a version")
        .by("test_the_same_content_in_todays_words_writes_nothing"),
    ),
    *found_in(
        "tests/unit/care/erasure/test_asking.py",
        drop("EndPass.on", "after.changed")
        .breaks("DA4", "an erasure ends with a pass that changed something")
        .by("test_a_pass_that_had_nothing_to_change_and_leaves_nothing_is_the_last"),
    ),
    *found_in(
        "tests/integration/test_audit.py",
        change(
            "_command_changed", "command.attributes_s3 in item.lost", "bool(command.attributes_s3)"
        )
        .breaks("DA5", "changed content of a version with large attributes is no finding")
        .by("test_each_kind_of_damage_is_found_and_nothing_else"),
        change("repairs_of", "is_sound and len(commands) == len(wanted)", "True")
        .breaks("DA6", "an audit writes a data row from a version that is damaged itself")
        .by("test_a_row_is_not_written_from_a_version_that_is_damaged_itself"),
    ),
    *found_in(
        "tests/unit/care/test_audit_tables.py",
        change(
            "AuditTables._pages",
            "'LastEvaluatedKey' not in answer",
            "'LastEvaluatedKey' not in answer or not answer['Items']",
        )
        .breaks("DA7", "what follows an empty page is not audited, erased or exported")
        .by("test_what_follows_an_empty_page_is_read"),
    ),
    *found_in(
        "tests/integration/test_audit_objects.py",
        change("_is_deleted", "bucket.note_named(key)", "bucket.whose(key)")
        .breaks("DA8", "an object that a restore needed is deleted too early")
        .by("test_an_object_that_has_been_named_again_begins_anew"),
        change("objects.KEPT", "LONGEST_RESTORE + timedelta(days=1)", "timedelta(days=30)")
        .breaks("DA9", "a restore finds no large attributes")
        .by("test_whatever_moment_of_the_last_35_days_is_restored_has_its_objects"),
    ),
    *found_in(
        "tests/unit/types/test_personal.py",
        change("masked_line", "_personal.get(tenant, {})", "_personal.get('tenantA', {})")
        .breaks("DA10", "a tenant's values take words out of another's log lines")
        .by("test_a_line_of_a_tenant_has_only_this_tenants_values_masked"),
    ),
    *found_in(
        "tests/unit/care/erasure/test_items.py",
        drop("Eraser._erase_plans", "is_about")
        .breaks("PL2", "what is planned for a part of a person's item outlives the person")
        .by("test_what_is_planned_says_nothing_about_the_person_any_more"),
        drop(
            "personal",
            "if not person and before is not None: person = typed.person(before.attributes)",
        )
        .breaks("DA11", "a deletion about a person who was erased keeps its name")
        .by("test_a_later_deletion_that_names_nobody_keeps_no_name"),
        change("Eraser._visit_chain", "if table != 'data': return", "return")
        .breaks("DA12", "of rows whose versions have expired one a bucket is erased")
        .by("test_each_row_of_a_bucket_goes_where_no_version_is_left"),
        drop("Eraser._purge_objects", "self.erasure.passes")
        .breaks("DA13", "a version that was on its way has lost its large attributes")
        .by("test_the_first_pass_leaves_the_objects_of_versions_that_are_still_on_their_way"),
    ),
    *found_in(
        "tests/unit/care/erasure/test_asking.py",
        change("Eraser._keep", "max(changed)", "min(changed)")
        .breaks("DA14", "an item is erased before the time is over that a law asks for")
        .by("test_a_law_counts_from_the_last_change_of_an_item"),
    ),
    *found_in(
        "tests/integration/test_erasure.py",
        drop("Files._erase", "version.is_latest")
        .breaks("DA15", "an older errors.csv replaces the newest")
        .by("test_an_older_report_of_an_import_does_not_come_back"),
    ),
    *found_in(
        "tests/unit/import_csv/test_undo.py",
        change(
            "Undo._changed",
            "(*self._sources, self._job.key.id, *self._job.retries)",
            "(*self._sources, self._job.key.id)",
        )
        .breaks("DA16", "a retry of an undo says of its own versions that somebody changed them")
        .by("test_what_the_undo_has_taken_back_itself_is_no_change_by_somebody_else"),
        change(
            "Undo._is_its",
            "(found.source, found.source_row) == self._made[row]",
            "found.source == self._made[row][0]",
        )
        .breaks("DA17", "an undo takes back by one row what another row has written")
        .by("test_a_row_does_not_take_back_what_another_row_of_its_import_has_written"),
        drop("Undo.planned", "found.version < version")
        .breaks("DA18", "an undo leaves a version that was not applied yet for ever")
        .by("test_a_version_of_the_import_that_has_not_reached_its_row_is_waited_for"),
    ),
    *found_in(
        "tests/unit/care/test_audit.py",
        change(
            "_ending_differs",
            "job.ending.counts.total + job.ending.cancelled != job.total",
            "job.ending.counts.total + job.ending.cancelled > job.total",
        )
        .breaks("DA19", "an import that lost rows at its end is sound for the audit")
        .by("test_an_import_ends_with_as_many_rows_as_its_file_has"),
    ),
    *found_in(
        "tests/integration/test_audit.py",
        change(
            "Audit._confirm",
            "[one for one in found if one in again]",
            "[one for one in found if one.rule in {each.rule for each in again}]",
        )
        .breaks("DA20", "an audit reports what was only on its way")
        .by("test_what_is_seen_otherwise_when_it_is_read_again_is_no_finding"),
    ),
    *found_in(
        "tests/unit/care/test_tenants.py",
        drop("_remove_objects", "ERASURES")
        .breaks("DA21", "certificates of a tenant that was removed stay")
        .by("test_a_tenant_is_removed_wholly_and_nobody_else_is_touched"),
    ),
    *found_in(
        "tests/template/test_policies.py",
        unlist("ScheduleErasePeopleFunction", "${ImportBucket.Arn}/uploads/*")
        .breaks("T3", "an erasure ends in AccessDenied at the first file that was uploaded")
        .by("test_an_erasure_may_delete_and_read_every_version_of_a_file"),
        reword("ScheduleAuditSampleFunction", "USAGE#*", "*")
        .breaks("T4", "the audit may write any record of requests")
        .by("test_who_counts_or_leases_writes_no_other_record_of_the_table"),
    ),
    *found_in(
        "tests/template/test_resources.py",
        reword("DeployErrorsAlarm", " + FILL(api, 0)", "")
        .breaks("T5", "errors of the API take no deploy back")
        .by("test_an_alarm_that_reckons_uses_every_metric_that_it_pays_for"),
    ),
    *found_in(
        "tests/unit/api/test_traceparent.py",
        change("_callers_trace", 'not event["requestContext"].get("authorizer")', "False")
        .breaks("X24", "anybody without a token chooses a trace, and that it is paid for")
        .by("test_who_has_no_token_names_no_trace"),
    ),
    *found_in(
        "tests/unit/kernel/test_traces.py",
        drop("Trace.of_traceparent", 'not parent.strip("0")')
        .breaks("X25", "a parent that W3C forbids is taken for a place in a trace")
        .by("test_what_is_malformed_names_none"),
    ),
    *found_in(
        "tests/unit/queue/test_on_notification.py",
        change("_trace_of", 'notice.get("traceparent", "")', '""')
        .breaks("X26", "what a handler of notices publishes is in another trace")
        .by("test_what_a_handler_stores_and_sends_goes_on_with_the_notices_trace"),
    ),
]
