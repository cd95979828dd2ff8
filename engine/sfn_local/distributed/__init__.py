"""Distributed Map: reading items, batching them, running a child for each, writing the results.

Sources: Step Functions Developer Guide, "Using Map state in Distributed mode", "ItemReader (Map)",
"ItemBatcher (Map)", "ResultWriter (Map)", "Setting failure thresholds for Distributed Map states".
"""
