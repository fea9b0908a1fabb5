"""`python -m tests.clouds --port N --images N --seed K`: the simulated clouds by themselves."""

from tests.clouds.command import main

if __name__ == "__main__":
    raise SystemExit(main())
