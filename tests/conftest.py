"""Options of the test run."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=["embedded", "testcontainers"],
        default="embedded",
        help="where the integration tests find a broker, unless SHAREBUS_TEST_BROKERS names one",
    )
