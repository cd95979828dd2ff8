"""sweep_sagas: every minute, and when an execution of a saga ends other than well."""

from sfn_cqrs.care.sweep import SAGAS, sweeping

lambda_handler = sweeping(SAGAS)
