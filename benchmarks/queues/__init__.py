"""The job queues that are measured side by side: ours, procrastinate, taskiq over Redis Streams.

Each program does the same: a business row and its job, in one transaction where the library can; the job writes a row
of its own. `trial` drives them.
"""
