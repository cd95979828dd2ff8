"""Run any SAM template on this machine: services, functions, machines, streams and queues."""
