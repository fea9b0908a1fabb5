"""The product's settings, with the benchmark's floor beside its pages and its queries counted."""

from config.settings import *  # noqa: F403
from config.settings import MIDDLEWARE as PRODUCTS

ROOT_URLCONF = "benchmarks.floor"
MIDDLEWARE = ["benchmarks.floor.count_queries", *PRODUCTS]
