"""The console: shows in a browser what runs and what is stuck, and lets people repair it.

Pages are HTML rendered here. An open page is rendered again from time to time, and sent to
the browser if it has changed. The console reads everything through boto3 and the
stack's HTTP API, so the same code shows a deployed stack and the local one.
"""
