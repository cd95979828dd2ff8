"""What functions share: the loops of streams and queues, the decorator of states, logs."""
