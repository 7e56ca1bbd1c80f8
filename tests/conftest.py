"""Options of the test run."""

from contextlib import closing

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=["embedded", "testcontainers"],
        default="embedded",
        help="where the integration tests find a broker, unless SHAREBUS_TEST_BROKERS names one",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--broker") == "testcontainers":
        _require_docker()


def _require_docker() -> None:
    import docker

    try:
        with closing(docker.from_env()) as client:
            client.ping()
    except docker.errors.DockerException as error:
        raise pytest.UsageError("--broker=testcontainers: no Docker engine answers") from error
