"""Exit code 0 when every address given answers: the health check of containers that hold no curl."""

import sys
import urllib.request

# A proxy of the machine is not asked about its own containers.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

if __name__ == "__main__":
    for address in sys.argv[1:]:
        try:
            OPENER.open(address, timeout=5).close()
        except OSError as error:
            sys.exit(f"{address}: {error}")
