"""What the service and its record can carry on this machine, beside what others carry: `python -m benchmarks`."""
