"""What holds for all tests."""

import signal

# Whoever starts the tests in the background may have told them to ignore Ctrl-C, and every process they start inherits
# that; some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)
