"""sweep_imports: every minute, and when the execution of an archive ends other than well."""

from sfn_cqrs.service.sweep import IMPORTS, ZIPS, sweeping

lambda_handler = sweeping(IMPORTS, ZIPS)
