"""`python -m rstscan_spark`."""

import sys

from .job import main

sys.exit(main())
