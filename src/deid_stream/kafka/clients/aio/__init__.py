"""aiokafka behind the ports: everything on the event loop.

The private doors of aiokafka that are used here are listed in ``tests/unit/kafka/test_private_doors.py``, which fails
when a new version moves one."""
