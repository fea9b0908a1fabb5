"""What Django's error reports hold: where it happened, and nothing that was sent, set or in a variable there.

Forms bring keys and passwords, frames hold what they work with, and settings the passwords of the servers. A report
goes into a mail, a log or a page, and those are kept and passed on: so also while DEBUG is on.
"""

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class PlacesOnly(SafeExceptionReporterFilter):
    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        return {}

    def get_traceback_frame_variables(self, request: HttpRequest | None, tb_frame: FrameType) -> ItemsView[str, Any]:
        return dict[str, Any]().items()

    def get_safe_settings(self) -> dict[str, Any]:
        return {}
