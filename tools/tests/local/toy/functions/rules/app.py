import queue

received: queue.Queue = queue.Queue()


def lambda_handler(event, _context):
    received.put(event)
