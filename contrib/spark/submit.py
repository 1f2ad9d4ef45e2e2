"""The entry for `spark-submit`; `python -m rstscan_spark` does the same without it."""

import sys

from rstscan_spark.job import main

if __name__ == "__main__":
    sys.exit(main())
