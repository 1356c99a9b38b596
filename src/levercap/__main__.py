"""`python -m levercap` is `levercap`."""

import sys

from levercap.cli import main

sys.exit(main())
