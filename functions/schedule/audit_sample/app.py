"""audit_sample: every hour, a part of the tables; all of them within a fortnight.

On its way it counts what tenants use, and deletes objects that nothing needs any more.

An event that names a sample, such as `{"detail": {"sample": "1/1"}}`, has that part looked at.
"""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.objects import sweep_objects
from sfn_cqrs.care.audit.service import Audit, Sample, tell
from sfn_cqrs.care.usage.rules import PARTS
from sfn_cqrs.care.usage.service import Meter
from sfn_cqrs.kernel.functions.logs import naming_request
from sfn_cqrs.kernel.functions.state import naming_transient, remaining_ms_of

RATE = 50.0
"""Read units a second, which nobody else feels."""
MARGIN_MS = 30_000


@naming_request
@naming_transient()
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Audit the part whose hour it is, and tell what is found."""
    hour = int(bootstrap.now().timestamp() // 3600)
    sample = Sample.parse(str((event.get("detail") or {}).get("sample", f"1/{PARTS}")), hour)
    meter = Meter()
    report = Audit(
        rate=RATE, is_late=lambda: remaining_ms_of(context) < MARGIN_MS, meter=meter
    ).run(sample)
    tell(report)
    if report.is_complete and sample.segments == PARTS:
        meter.keep(sample.segment)
    deleted = sweep_objects(lambda: remaining_ms_of(context) < MARGIN_MS)
    counts = {"items": report.items, "imports": report.imports, "work": report.work}
    return {**counts, "findings": len(report.findings), "deleted": deleted}
