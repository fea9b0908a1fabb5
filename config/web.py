"""How the web is served, wherever it is."""

APPLICATION = "config.wsgi:application"


def web_words(host: str, port: int | str, *more: str, workers: int | str = 2) -> list[str]:
    """What follows the name of the interpreter: `python -m granian …`. ./run, the container and the benchmarks serve
    alike.
    """
    options = ["--interface", "wsgi", "--host", host, "--port", str(port), "--workers", str(workers)]
    return ["-m", "granian", *options, "--blocking-threads", "4", "--no-ws", *more, APPLICATION]
