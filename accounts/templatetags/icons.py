"""The icons of heroicons, {% heroicon_mini "cloud" size=16 %}, each drawn once: the package copies and serialises its
SVG anew wherever one stands, and a page has a dozen.
"""

from functools import lru_cache

from django import template
from heroicons.templatetags import heroicons

register = template.Library()

for _tag in (heroicons.heroicon_micro, heroicons.heroicon_mini, heroicons.heroicon_outline, heroicons.heroicon_solid):
    register.simple_tag(lru_cache(maxsize=512)(_tag), name=_tag.__name__)
