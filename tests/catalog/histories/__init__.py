import pytest

# Their names are no tests', and their assertions are all that a history says when it fails.
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("checks", "machine", "registering", "stage")))
