import queue

received: queue.Queue = queue.Queue()


def lambda_handler(event, _context):
    """Keep the records; fail those that carry a poison mark."""
    failures = []
    for record in event["Records"]:
        received.put(record)
        if "poison" in str(record.get("body") or record["dynamodb"]["NewImage"]):
            number = record.get("messageId") or record["dynamodb"]["SequenceNumber"]
            failures.append({"itemIdentifier": number})
    return {"batchItemFailures": failures}
