"""`python -m ghostnote`: the same as the `ghostnote` command."""

import sys

from ghostnote.cli.main import main

sys.exit(main())
