"""Where Django's own formats of zh-Hans are not what the clouds' consoles write: 1,904, as elsewhere, not 1904."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
