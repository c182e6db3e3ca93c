"""Whether the shop's machinery runs well: queues, signs of life of what is outside, alarms, metrics."""
