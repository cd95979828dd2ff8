"""The console: what runs, what is stuck, and how to put it right, in a browser.

Pages are HTML made here; a page that is open is rendered again from time to time, and sent to
the browser where it has changed. All that the console knows it reads through boto3 and the
stack's HTTP API, so that a deployed stack is shown by the very code that shows the local one.
"""
