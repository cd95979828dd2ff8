def lambda_handler(event, _context):
    if event == "nobody":
        raise ValueError("there is nobody")
    return f"hello {event}"
