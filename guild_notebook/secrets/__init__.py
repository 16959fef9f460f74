"""Secret values: the names that say so, the settings of guild.yml, and masking in text.

May use ``errors``.
"""
