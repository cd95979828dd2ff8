"""The conformance suite: cases as data, and what runs them against any endpoint of the API.

The cases are in `conformance/cases` of the repository, one file for each area. They are run over
the API of Step Functions alone: tasks are activities, whose worker is the runner.
"""
