"""sweep_sagas: every minute, and when an execution of a saga ends other than well."""

from sfn_cqrs.service.sweep import SAGAS, sweeping

lambda_handler = sweeping(SAGAS)
