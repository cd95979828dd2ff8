"""The mutants, by what they are in; each is found by tests of `make test`.

A mutant is a fault that somebody could make: a bound off by one, a condition less, two steps in
the other order. Write one for a line that no test would miss, and then the test.
"""

from tests.mutants.mutant import Mutant

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
        "told = last.version if last.key == row.key else 0",
        "told = last.version",
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
]
MUTANTS = [
    *RECORDS,
    *EXPRESS,
    *WRITE_RATE,
    *IMPORTS,
    *REPAIRS,
    *REBUILDS,
    *POSTGRESQL,
    *LISTS_AND_TEXTS,
    *TEMPLATE,
    *OF_THE_ENGINE,
]
