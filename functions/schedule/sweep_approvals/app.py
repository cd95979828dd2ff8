"""sweep_approvals: every minute, and when an execution of an approval ends other than well."""

from sfn_cqrs.care.sweep import APPROVALS, sweeping

lambda_handler = sweeping(APPROVALS)
