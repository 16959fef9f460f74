"""``python -m guild_notebook.cli`` is the command ``guild-notebook``."""

import sys

from . import main

sys.exit(main())
